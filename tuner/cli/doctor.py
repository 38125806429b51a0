"""``tuner doctor``: can this function be measured here, and if not, what helps?"""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from tuner.options.manage import DoctorCommand

if TYPE_CHECKING:
    from tuner.targets.seam import Finding

_MARKS = {"ok": "ok", "unknown": "?", "warning": "!", "problem": "X"}


def doctor(options: DoctorCommand) -> None:
    """Changes nothing. Exits with 1 if something stands in the way of a sweep."""
    from tuner.api.doctor import findings
    from tuner.cli.show import write_document
    from tuner.targets.seam import Level

    found = []
    for finding in findings(options):
        found.append(finding)
        if options.json_to != "-":
            _show(finding)
    bad = any(finding.level is Level.PROBLEM for finding in found)
    if options.json_to is not None:
        listed = [asdict(finding) for finding in found]
        head = {"schema": "tuner.doctor/1", "target": options.target, "ok": not bad}
        write_document({**head, "findings": listed}, options.json_to)
    raise typer.Exit(1 if bad else 0)


def _show(finding: "Finding") -> None:
    typer.echo(f"{_MARKS[finding.level.value]:<2} {finding.name}: {finding.text}")
    if finding.fix and finding.level.value != "ok":
        typer.echo(f"   -> {finding.fix}")
