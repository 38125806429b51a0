"""``tuner runs thin``: samples of old runs become histograms."""

import time
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from tuner.cli import options as o
from tuner.errors import TunerError, UsageError

SETTINGS = Path("tuner.toml")

_FIX = 'Write --older-than 30d, or retention = "30d" in [store] of tuner.toml.'
#: The histograms of fewer samples would take about as much room as these do.
SMALLEST = 1000

_NEEDS_CALLS = "its figures under load need each call"


def thin(
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than",
            metavar="TIME",
            help="Runs that ended so long ago, such as 30d; else `retention` in [store] of "
            "tuner.toml.",
        ),
    ] = None,
    smallest: Annotated[
        int, typer.Option("--smallest", min=1, help="Leave runs of fewer samples whole.")
    ] = SMALLEST,
    yes: o.Yes = False,
    store: o.StoreUrl = None,
) -> None:
    """Replace the samples of old runs by histograms: percentiles stay, single calls go.

    What such a run can no longer tell is said wherever it is used.
    """
    from tuner.measure.documents import LOADS
    from tuner.store.retention import Rule, judged, thin_run
    from tuner.store.runs import Store
    from tuner.units import parse_seconds

    written = older_than or _configured()
    if written is None:
        raise UsageError("runs thin", "needs an age", _FIX)
    age_s = parse_seconds(written, "--older-than" if older_than else "tuner.toml: retention")
    now = time.time()
    rule = Rule(now - age_s, smallest, {LOADS: _NEEDS_CALLS})
    with Store.open(store, create=False) as opened:
        found = judged(opened, rule)
        for each in found:
            if each.left:
                typer.echo(f"{each.run} stays whole: {each.left}.")
        wanted = [each for each in found if not each.left]
        if not wanted:
            typer.echo(f"Nothing to thin that is older than {written}.")
            return
        _ask(len(wanted), sum(each.samples for each in wanted), yes)
        for each in wanted:
            typer.echo(f"{each.run}: {thin_run(opened, each.run, rule, now):,} samples thinned.")
        opened.compact()


def _ask(runs: int, samples: int, yes: bool) -> None:
    import sys

    if yes:
        return
    what = f"Thin {samples:,} samples of {runs:,} run{'' if runs == 1 else 's'} for good?"
    if not sys.stdin.isatty():
        raise TunerError("runs thin", "needs a yes, and nobody can answer", "Add --yes.")
    typer.confirm(what, abort=True)


def _configured() -> str | None:
    """``retention`` of ``[store]`` in tuner.toml, if there is one."""
    if not SETTINGS.is_file():
        return None
    try:
        table = tomllib.loads(SETTINGS.read_text(encoding="utf-8")).get("store", {})
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(str(SETTINGS), f"is not TOML: {error}", _FIX) from error
    found = table.get("retention") if isinstance(table, dict) else None
    if found is not None and not isinstance(found, str):
        raise UsageError(str(SETTINGS), f"store: retention is no text: {found!r:.40}", _FIX)
    return found
