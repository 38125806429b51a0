"""What counts after a regression was measured again: only what a fresh run has found as well."""

from collections.abc import Mapping
from dataclasses import replace

from tuner.suites.judgement import Judgement, Verdict
from tuner.suites.result import SizeResult
from tuner.suites.sampling import alarming, confirmed


def with_second(
    size: int, judged: tuple[Judgement, ...], again: tuple[Judgement, ...] | None
) -> SizeResult:
    """What counts after a fresh run: it has the last word on the gates that alarmed.

    A run that was to confirm and did not come to a verdict leaves none behind.
    """
    if not alarming(judged):
        return SizeResult(size, judged)
    fresh: Mapping[str, Judgement] = {j.gate.text: j for j in again or ()}
    alarmed = {gate.text for gate in alarming(judged)}
    counted = tuple(
        j if j.gate.text not in alarmed else _counted(j, fresh.get(j.gate.text)) for j in judged
    )
    return SizeResult(size, counted, judged)


def _counted(first: Judgement, fresh: Judgement | None) -> Judgement:
    if fresh is None:
        return replace(first, verdict=Verdict.CANNOT_TELL)
    return confirmed(first, fresh)
