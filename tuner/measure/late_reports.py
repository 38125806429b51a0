"""Samples whose answer carried no REPORT get it from elsewhere, if the target can find it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tuner.records import OTHER_SIZE, Outcome, Sample
from tuner.targets.seam import Target

#: What samples and REPORT lines call the same.
_TOLD = (
    *("duration_ms", "billed_ms", "init_ms", "restore_ms"),
    *("billed_restore_ms", "max_memory_mb"),
)


def lacks_report(sample: Sample) -> bool:
    """Return whether a successful invocation lacks its duration, and could be looked up."""
    return (
        sample.outcome is Outcome.OK
        and sample.duration_ms is None
        and sample.request_id is not None
    )


def completed(samples: Sequence[Sample], target: Target) -> Iterator[Sample]:
    """The samples in order, with what the target found of their reports."""
    ids = [sample.request_id for sample in samples if sample.request_id]
    found = target.reports(ids) if ids else {}
    for sample in samples:
        report = found.get(sample.request_id or "")
        if report is None:
            yield sample
            continue
        told = {name: getattr(report, name) for name in _TOLD}
        if report.memory_mb not in (None, sample.memory_mb):
            said = f"it ran at {report.memory_mb} MB, not at {sample.memory_mb} MB"
            told |= {"outcome": Outcome.SERVICE_ERROR, "reason": OTHER_SIZE, "message": said}
        yield replace(sample, **told)


class LateReports:
    """Those samples of a load that lack their report, to be looked up when it is over.

    Beyond ``MOST`` they are not held: the figures of the others stand for them.
    """

    MOST = 20_000

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lacking: list[Sample] = []

    def note(self, sample: Sample) -> None:
        """Keep a sample if it lacks its report."""
        if lacks_report(sample) and len(self._lacking) < self.MOST:
            self._lacking.append(sample)

    def found(self) -> Iterator[Sample]:
        """Those whose report was found, with it."""
        for sample in completed(self._lacking, self._target):
            if sample.duration_ms is not None:
                yield sample
