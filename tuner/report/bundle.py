"""The JavaScript that draws the charts: Vega, Vega-Lite and Vega-Embed in one text.

vl-convert bundles them offline, which takes about 1.3 s and 150 MB. So it happens in a process of
its own, whose memory goes back at once, and only the first time: the text is kept in the user's
cache folder, by version.
"""

import os
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from tuner.errors import TunerError

_TIMEOUT_S = 60.0

_MAKE = """
import sys
import vl_convert
sys.stdout.buffer.write(vl_convert.javascript_bundle(vl_version=sys.argv[1]).encode())
"""


def javascript(cache: Path | None = None) -> str:
    """The bundle as text that may stand inside ``<script>``. ``cache`` is a folder."""
    kept = (cache or _cache_folder()) / f"vega-{version('vl-convert-python')}-{_vega_lite()}.js"
    with suppress(OSError, UnicodeDecodeError):
        text = kept.read_text(encoding="utf-8")
        if _whole(text):
            return text
    text = _harmless(_made())
    _keep(kept, text)
    return text


def _vega_lite() -> str:
    """The Vega-Lite that Altair writes for, such as ``6.1``."""
    from altair import SCHEMA_VERSION

    return ".".join(SCHEMA_VERSION.lstrip("v").split(".")[:2])


def _made() -> str:
    command = [sys.executable, "-I", "-c", _MAKE, _vega_lite()]
    try:
        made = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error).encode()
        reason = said.decode(errors="replace").strip().splitlines()[-1:]
        fix = "Install the package again: pip install --force-reinstall vl-convert-python"
        raise TunerError("charts", f"vl-convert failed: {' '.join(reason)}", fix) from error
    return made.stdout.decode("utf-8")


def _harmless(text: str) -> str:
    """Keep strings of the libraries from ending or hiding the script element around them."""
    safe = text.replace("</script", r"<\/script").replace("<!--", r"<\!--")
    return f"{safe}\n{_END}\n"


_END = "// end of bundle"


def _whole(text: str) -> bool:
    return text.endswith(f"{_END}\n")


def _keep(path: Path, text: str) -> None:
    """Put the text in the cache if that is possible; a report needs no cache."""
    beside = path.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)


def _cache_folder() -> Path:
    usual = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / usual) / "tuner"
