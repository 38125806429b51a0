"""One HTML file that needs nothing else: no network, no server, no other file.

Fills a template and writes it; what a page says is its view's. Jinja2 escapes every value. A
Content-Security-Policy forbids all network access, and all scripts but our own two, which it knows
by their hashes.
"""

import hashlib
import os
import re
import subprocess
import sys
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from tuner.errors import TunerError, unwritable
from tuner.files import refuse_leaving, written_whole
from tuner.options.output import REPORTS
from tuner.report.elements import View, tone
from tuner.report.style import DARK, LIGHT
from tuner.units import format_cost, format_share

#: "24 ms" must not be torn apart at the end of a line.
_UNIT = re.compile(r"(?<=[\d,]) (?=(?:ms|MB|GB|s|min|h|%)\b|%)")


def render(view: View) -> str:
    """A view as a page, with its charts."""
    draw = "".join(map(_part, ("draw.js", "what_if.js", "verdict.js")))
    template = _environment().get_template("page.html")
    # Bundling happens in a process of its own, so it and the charts can be made at once.
    with ThreadPoolExecutor(max_workers=1) as beside:
        bundling = beside.submit(javascript if view.figures else str)
        charts = {figure.name: figure.draw() for figure in view.figures}
        library = bundling.result()
    return template.render(
        view=view,
        charts=charts,
        style=Markup(_part("page.css")),
        light=LIGHT,
        dark=DARK,
        library=Markup(library),
        draw=Markup(draw),
        policy=_policy(library, draw),
    )


def write_page(page: str, path: Path) -> Path:
    """Write a page, whole or not at all, through no link unless the user has named it. Raises
    :class:`TunerError` if it cannot be written."""
    ours = path.is_relative_to(REPORTS)
    try:
        if ours:
            refuse_leaving(path.parent)
        _put(page, path, ours=ours)
    except OSError as error:
        fix = (
            "Free some space or name another folder with --output; `tuner report last` then works."
        )
        raise unwritable(f"report {path}", error, getattr(error, "fix", fix)) from error
    return path


def _put(text: str, path: Path, *, ours: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path, ours=ours) as place:
        place.write_text(text, encoding="utf-8", errors="replace")  # names may be no UTF-8


def file_name(name: str, run: str, ending: str = "html") -> str:
    """A file name that every system takes: ``orders-01J....html``."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:80] or "sweep"
    return f"{safe}-{re.sub(r'[^A-Za-z0-9_-]+', '-', run)[:64]}.{ending}"


def unbroken(text: object) -> str:
    """Tie numbers to their units with no-break spaces."""
    return _UNIT.sub("\u00a0", str(text))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_part),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"tone": tone, "cost": format_cost, "share": format_share}
    # Applied to what a template prints, before escaping; marked text is ours and stays as it is.
    environment.finalize = lambda value: value if isinstance(value, Markup) else unbroken(value)
    return environment


def _part(name: str) -> str:
    return (files("tuner.report") / "templates" / name).read_text(encoding="utf-8")


def _policy(*scripts: str) -> str:
    hashes = (b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    ours = " ".join(f"'sha256-{each}'" for each in hashes)
    return (
        f"default-src 'none'; script-src {ours}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


_TIMEOUT_S = 60.0

_MAKE = """
import sys
import vl_convert
sys.stdout.buffer.write(vl_convert.javascript_bundle(vl_version=sys.argv[1]).encode())
"""


def javascript(cache: Path | None = None) -> str:
    """Return the chart library as text that may stand inside ``<script>``.

    An installed package brings it. A source tree makes it with vl-convert, which takes a second,
    and keeps it in ``cache``, a folder. Raises :class:`TunerError` if it cannot be made.
    """
    if packed := _packed():
        return _harmless(packed)
    kept = (cache or _cache_folder()) / f"vega-{_converter()}-{_vega_lite()}.js"
    with suppress(OSError, UnicodeDecodeError):
        text = kept.read_text(encoding="utf-8")
        if text.endswith(f"{_END}\n"):
            return text
    text = _harmless(_made())
    with suppress(OSError):  # a report needs no cache
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # it is run in every report
        _put(text, kept)
    return text


def _packed() -> str | None:
    """Return the library that the build put into the wheel (``hatch_build.py``), if it fits."""
    fits = f"vega-{_vega_lite().split('.')[0]}."
    parts = (files("tuner.report") / "templates").iterdir()
    found = [part for part in parts if part.name.startswith(fits)]
    return found[0].read_text(encoding="utf-8") if found else None


def _converter() -> str:
    try:
        return version("vl-convert-python")
    except PackageNotFoundError as error:
        fix = "Install it: pip install 'tuner[images]'"
        raise TunerError("charts", "vl-convert is not installed", fix) from error


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


def _cache_folder() -> Path:
    usual = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / usual) / "tuner"
