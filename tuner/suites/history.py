"""The history of a suite: which runs belong together, where levels changed, and their reports."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tuner.errors import NotFound, TunerError
from tuner.experiment.recommend import recommend_run
from tuner.model.change_points import ChangePoint, Sensitivity, change_points
from tuner.report.pages import reports_in, with_report
from tuner.store.benches import StoredBench

#: Smaller changes are real now and then, and matter to nobody.
_LEAST = 0.02
#: The length of a history that the default sensitivity is made for.
_RUNS = 100


def levels(values: Sequence[float]) -> tuple[ChangePoint, ...]:
    """Changes of level. A longer history has more places to look in, so each has to be surer."""
    p_value = Sensitivity().p_value * min(1.0, _RUNS / max(1, len(values)))
    return change_points(values, Sensitivity(p_value, _LEAST))


def chosen(benches: Sequence[StoredBench], branch: str | None) -> list[StoredBench]:
    """The runs of one branch, the oldest first: of that which has most of them, unless named.

    ``benches`` are of one suite and environment. Raises NotFound where none is left.
    """
    if branch is None and benches:
        branch = Counter(bench.branch for bench in benches).most_common(1)[0][0]
    found = [bench for bench in benches if bench.branch == branch]
    if not found:
        known = ", ".join(sorted({bench.branch for bench in benches if bench.branch}))
        fix = f"There are runs of: {known}." if known else "Run `tuner bench`."
        what = f"branch {branch[:60]}" if branch else "history"
        raise NotFound(what, "there is no run in this store", fix)
    return sorted(found, key=lambda bench: bench.started_at)


def write_missing_reports(
    documents: Sequence[Mapping[str, Any]], store_url: str | None, output: Path, most: int
) -> int:
    """Write reports of runs that have none in ``output``, of the newest bench first.

    At most ``most``; a run of which no report can be made is passed over, such as one that is no
    longer in the store or has lost its samples. Gives how many.
    """
    known, written = reports_in(output), 0
    for run in _runs(documents):
        if written >= most:
            break
        if run in known:
            continue
        try:
            with_report(recommend_run(run, store_url, among=None), output)
        except TunerError:
            continue
        written += 1
    return written


def _runs(documents: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Both runs of every case, the newest bench first, each once."""
    seen = set()
    for document in reversed(documents):
        for case in document["cases"]:
            for side in (case["after"], case["before"]):
                if side is not None and side["run"] not in seen:
                    seen.add(side["run"])
                    yield side["run"]
