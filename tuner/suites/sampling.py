"""Rules of sampling: when to go on, when to stop, and when an alarm may be raised.

Stop as soon as every gate is settled, go on to the next look while one is not, and let a
regression count only after a fresh run has shown it again. Pure: the caller invokes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tuner.model.looks import Looks, planned
from tuner.suites.gate import Gate
from tuner.suites.judgement import Judgement, Rules, Verdict
from tuner.suites.result import SizeResult

#: A confirming run judges only the gates that alarmed, so it may be less strict.
CONFIRM_WITH = 0.95
#: How many times more often than an alarm a first run of interleaved sides may be wrong.
LAX = 5.0
#: Calls a side at most, unless the suite says otherwise.
MOST = 200


def rules_for(gates: int, most: int = MOST, confidence: float = 0.99) -> Rules:
    """The rules of a first run over ``gates`` gates in the whole suite.

    ``confidence`` is the share of suite runs without a change that raise no alarm. Two versions in
    one run are judged with ``LAX`` times the error, for a fresh run, of which nothing is shared
    with the first, has to confirm: both err with ``LAX * (1 - CONFIRM_WITH)`` of it. Against a
    baseline the same baseline confirms, so the first run keeps it alone.
    """
    return Rules(
        gates=gates,
        confidence=confidence,
        looks=planned(most),
        confidence_interleaved=max(1.0 - LAX * (1.0 - confidence), 0.5),
    )


def next_look(judgements: Sequence[Judgement], calls: int, looks: Looks) -> int | None:
    """Calls per side to have before judging again; ``None``: stop.

    A gate that no number of calls can settle (``enough`` is ``None``) does not keep a run going
    beyond its first look. A regression whose ratio lies below the gate does: further calls may
    show that it is too small to matter.
    """
    following = looks.next(calls)
    if following is None or calls < looks.calls[0]:
        return following
    return None if all(_settled(j) for j in judgements) else following


def _settled(judgement: Judgement) -> bool:
    """True if further calls would hardly change the verdict."""
    if judgement.verdict is Verdict.CANNOT_TELL:
        return judgement.enough is None
    if judgement.verdict is not Verdict.REGRESSED or judgement.gate.slo is not None:
        return True
    small = judgement.ratio is not None and judgement.ratio < 1.0 + judgement.gate.rise
    return judgement.gate.subject.share or not small


def alarming(judgements: Sequence[Judgement]) -> tuple[Gate, ...]:
    """The gates that a fresh run has to confirm before anybody is told."""
    return tuple(j.gate for j in judgements if j.verdict is Verdict.REGRESSED)


def confirming_rules(first: Rules, gates: int) -> Rules:
    """The rules of the fresh run over the ``gates`` that alarmed: same looks, own error."""
    return replace(first, gates=gates, confidence=CONFIRM_WITH, confidence_interleaved=None)


def confirmed(first: Judgement, fresh: Judgement) -> Judgement:
    """Combine both runs. Raises ``ValueError`` when they judge different gates.

    The fresh run has the last word: it was not chosen for being slow, so its ratio is no
    exaggeration. *Regressed* needs both.
    """
    if first.gate != fresh.gate:
        raise ValueError(f"{first.gate.text!r} cannot be confirmed by {fresh.gate.text!r}")
    if fresh.verdict is Verdict.REGRESSED and first.verdict is not Verdict.REGRESSED:
        return replace(fresh, verdict=Verdict.CANNOT_TELL)
    return fresh


def with_second(
    size: int, judged: tuple[Judgement, ...], again: tuple[Judgement, ...] | None
) -> SizeResult:
    """Combine a size's verdicts with a fresh run, which has the last word on what alarmed.

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
