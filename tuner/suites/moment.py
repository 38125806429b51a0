"""The moment in which a run was measured: what speaks against it as a baseline.

A baseline is held against many runs, so a bad moment of its own turns up in all their verdicts.
Read from the stored run and its samples; nothing is left out or corrected.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from tuner.model.rounds import between_rounds
from tuner.records import Advice, Backend, Outcome, Purpose, RunRecord, Sample, machine_was_busy
from tuner.units import format_share, listed

#: Rounds that differ by more (log sd) are no level that later runs can be held against: two runs
#: without any change differ by less (``judgement.DRIFT``).
_ROUNDS_APART = 0.05
#: Requests that were throttled or failed, of all; fewer are met at any time.
_FEW = 0.01


def doubts(
    run: RunRecord, samples: Sequence[Sample], control: Sequence[Sample] = ()
) -> tuple[str, ...]:
    """Return the reasons, each a short main clause; none of a calm moment.

    ``samples`` are the run's own, ``control`` those of the control that was called beside it.
    """
    return tuple(_doubts(run, samples, control))


def _doubts(run: RunRecord, samples: Sequence[Sample], control: Sequence[Sample]) -> Iterator[str]:
    if machine_was_busy(run.warnings):
        yield "other programs kept the machine busy"
    apart = 0.0 if run.facts.backend is Backend.REPLAY else _apart(samples, control)
    if apart > _ROUNDS_APART:
        yield f"its rounds of calls differ by {format_share(math.expm1(apart))}"
    sent = [s for s in samples if s.purpose is not Purpose.WARM_UP]
    throttled = sum(s.outcome is Outcome.THROTTLED for s in sent)
    failed = sum(s.outcome not in (Outcome.OK, Outcome.THROTTLED) for s in sent)
    were = "was" if throttled == 1 else "were"
    for count, word in ((throttled, f"{were} throttled"), (failed, "failed")):
        if count > _FEW * len(sent):
            yield f"{count:,} of its {len(sent):,} calls {word}"


def _apart(samples: Sequence[Sample], control: Sequence[Sample]) -> float:
    """What rounds differ by at all settings alike, and in the control (log sd)."""
    of = [(s, beside) for beside, each in enumerate((samples, control)) for s in each if _calm(s)]
    if not of:
        return 0.0
    places = {place: number for number, place in enumerate({(s.setting, b) for s, b in of})}
    return between_rounds(
        np.array([places[s.setting, beside] for s, beside in of]),
        np.log([s.duration_ms or 1.0 for s, _ in of]),
        np.array([s.round for s, _ in of]),
    ).sd


def _calm(sample: Sample) -> bool:
    """True of a warm call that ended well and was made alone."""
    aside = (Purpose.WARM_UP, Purpose.COLD, Purpose.LOAD)
    good = sample.outcome is Outcome.OK and bool(sample.duration_ms)
    return good and not sample.cold and sample.purpose not in aside


def of_baseline(case: str, found: Sequence[str]) -> Advice | None:
    """Say that verdicts are against such a baseline, and what to do; ``None`` without doubts."""
    if not found:
        return None
    text = (
        f"The baseline of {case} was measured in a bad moment: {listed(found)}. Verdicts against "
        "it may be about that moment. Measure again when it is calm, with `tuner bench --full`, "
        "and accept that with `tuner bench accept`."
    )
    return Advice("baseline-doubtful", text)


def of_candidate(case: str, found: Sequence[str]) -> str | None:
    """The same of a run that is accepted as one."""
    if not found:
        return None
    return (
        f"{case} was measured in a bad moment: {listed(found)}; later verdicts will say so. `tuner "
        "bench --full` when it is calm, and then `tuner bench accept`, makes a better baseline"
    )
