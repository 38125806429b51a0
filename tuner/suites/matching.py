"""What must match before two runs may be compared, read from the stored runs alone.

A difference in any of these moves figures for reasons that are no change of the code. Whether a
difference is one of the code itself (its hash, its commit) is not asked here.
"""

from collections.abc import Mapping

from tuner.errors import UsageError
from tuner.records import RunRecord

#: Raised whenever a change of the load engine or of the local Lambda moves what is measured.
ENGINE = "1"
#: Where a run keeps what only the one who measured it knows.
OPTION = "measured"

#: Key in documents, and how people call it.
MUST_MATCH: Mapping[str, str] = {
    "backend": "target kind",
    "region": "region",
    "arch": "architecture",
    "runtime": "runtime",
    "cpu": "CPU method",
    "payload": "payload",
    "engine": "load engine",
}


def fingerprint(run: RunRecord) -> dict[str, str | None]:
    """What has to match, of one run; ``None`` is not known, and matches anything."""
    facts, kept = run.facts, run.options.get(OPTION) or {}
    local = facts.platform.get("cpu_method")
    return {
        "backend": str(facts.backend),
        "region": facts.region,
        "arch": facts.arch,
        "runtime": facts.runtime,
        "cpu": None if local is None else str(local),
        "payload": kept.get("payload") or _payload(run),
        "engine": kept.get("engine"),
    }


def _payload(run: RunRecord) -> str | None:
    """A hash where the run has one: files are kept by name only."""
    for name in ("payloads", "payload"):
        text = str(run.options.get(name) or "")
        if text.startswith("sha256:"):
            return text
    return None


def differences(before: RunRecord, after: RunRecord) -> list[str]:
    """Every difference in words: ``region eu-west-1 and us-east-1``; empty if they match."""
    old, new = fingerprint(before), fingerprint(after)
    found = []
    for key, name in MUST_MATCH.items():
        ours, theirs = old[key], new[key]
        if ours is None or theirs is None or ours == theirs:
            continue
        shown = (ours[:15], theirs[:15]) if key == "payload" else (ours, theirs)
        found.append(f"{name} {shown[0]} and {shown[1]}")
    return found


def refuse_unlike(before: RunRecord, after: RunRecord) -> None:
    """Raises UsageError that names everything in which the runs differ."""
    found = differences(before, after)
    if found:
        raise UsageError(
            f"runs {before.run} and {after.run}",
            f"cannot be compared; they differ in {', '.join(found)}",
            "Measure both alike, or accept a new baseline with `tuner bench accept`.",
        )
