"""Build hook: put the chart library into the wheel.

vl-convert (84 MB) has it and is needed for nothing else in a report, so it is asked once, here,
and not of everybody who installs the wheel. An editable installation asks it when it first writes
a report. ``tuner/report/page.py`` reads what is written here.
"""

import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ChartLibrary(BuildHookInterface):
    """Bundles the newest Vega-Lite that vl-convert knows."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the bundle beside the build and have it included."""
        if version == "editable":
            return
        import vl_convert

        newest = vl_convert.get_vegalite_versions()[-1]
        self._folder = tempfile.TemporaryDirectory(prefix="tuner-build-")
        bundle = Path(self._folder.name) / f"vega-{newest}.js"
        bundle.write_text(vl_convert.javascript_bundle(vl_version=newest), encoding="utf-8")
        build_data["force_include"][str(bundle)] = f"tuner/report/templates/{bundle.name}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was written."""
        if version != "editable":
            self._folder.cleanup()
