"""Calls of Lambda's control plane that a sweep makes, from fewest to most.

Counts what ``tuner.targets.aws`` does in each way of isolation. AWS allows 15 such calls a second
for a whole account (GetFunction has 100 of its own), so the number decides how long it takes.
"""

from collections.abc import Mapping

from tuner.planning.work import Range, Work

_PAGE = 50  # versions in one answer of ListVersionsByFunction
_ONCE = Range(1, 1)
#: GetFunction is asked until a change has settled.
_LOOKS = Range(1, 12)


def version_calls(work: Work, alias: bool) -> Mapping[str, Range]:
    """Isolation by versions: per version one update and one publication, put back per batch."""
    updates = work.versions + work.batches
    return {
        "GetFunction": Range(3, 4) + updates * _LOOKS,
        **({"GetAlias": _ONCE} if alias else {}),
        "GetAccountSettings": _ONCE,
        "UpdateFunctionConfiguration": updates,
        "PublishVersion": work.versions,
        "ListVersionsByFunction": Range(1, 2 + work.versions.high // _PAGE),
        "DeleteFunction": work.versions,
    }


def clone_calls(work: Work, alias: bool) -> Mapping[str, Range]:
    """Isolation by clone: the same on a copy, which is made first and deleted whole."""
    calls = dict(version_calls(work, alias))
    del calls["ListVersionsByFunction"]
    return {
        **calls,
        "GetFunction": calls["GetFunction"] + Range(2, 40),
        "CreateFunction": _ONCE,
        "DeleteFunction": _ONCE,
    }


def in_place_calls(work: Work, alias: bool) -> Mapping[str, Range]:
    """In place: one update whenever another size's turn comes, and one at the end."""
    updates = work.versions + _ONCE
    return {
        "GetFunction": Range(3, 4) + updates * _LOOKS,
        **({"GetAlias": _ONCE} if alias else {}),
        "GetAccountSettings": _ONCE,
        "UpdateFunctionConfiguration": Range(updates.low, updates.high + work.requests.high),
    }
