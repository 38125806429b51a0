"""The planner of a bench's rounds: who is called how often, and when a setting is clear."""

from collections.abc import Callable

from support.factories import a_sample
from tuner.planning.ask import Ask, Done, How, SoFar
from tuner.records import Purpose, Sample, Setting
from tuner.suites.gate import parse_gate
from tuner.suites.judgement import rules_for
from tuner.suites.result import Design
from tuner.suites.rounds import ROUND, RoundPlan, Rounds
from tuner.suites.sides import Role
from tuner.suites.verdict import Verdict

X86, ARM = Setting(512), Setting(512, "arm64")
BOTH = (Role.AFTER, Role.BEFORE)


def a_plan(*settings: Setting, cold: int = 0, gate: str = "p50 +10%") -> RoundPlan:
    gates = dict.fromkeys(settings, (parse_gate(gate),))
    return RoundPlan(gates, BOTH, rules_for(2), Design.INTERLEAVED, 200, lambda _s: None, cold)


def carried_out(
    planner: Rounds, took_ms: Callable[[Setting, int], float]
) -> tuple[list[Ask], list[Sample], Done]:
    """Ask and answer to the end; the n-th call of a setting takes what ``took_ms`` says."""
    asks: list[Ask] = []
    samples: list[Sample] = []
    while isinstance(ask := planner.next(SoFar(samples)), Ask):
        asks.append(ask)
        for number in range(max(ask.counts.values(), default=0)):
            for setting in ask.counts:
                cold = ask.how is How.COLD
                samples.append(
                    a_sample(
                        setting=setting, call=len(samples), round=len(asks),
                        purpose=Purpose.COLD if cold else Purpose.WARM,
                        ran_ms=took_ms(setting, number), init_ms=200.0 if cold else None,
                    )
                )  # fmt: skip
    return asks, samples, ask


def steady(setting: Setting, number: int) -> float:
    return 100.0 + number % 4


def test_both_sides_are_called_alike_in_short_rounds_until_it_is_clear() -> None:
    planner = Rounds(a_plan(X86))
    asks, samples, done = carried_out(planner, steady)
    assert done.settled
    assert all(ask.counts == {X86: ROUND, X86._replace(code="before"): ROUND} for ask in asks[:5])
    assert len(samples) < 400
    [judged] = planner.verdicts(samples, [X86]).values()
    assert [each.verdict for each in judged] == [Verdict.SAME]


def test_each_architecture_is_judged_by_its_own_calls() -> None:
    def slower_on_arm(setting: Setting, number: int) -> float:
        worse = setting.arch == "arm64" and not setting.code
        return steady(setting, number) * (1.5 if worse else 1.0)

    planner = Rounds(a_plan(X86, ARM))
    _, samples, _ = carried_out(planner, slower_on_arm)
    found = planner.verdicts(samples, [X86, ARM])
    assert {setting.arch: judged[0].verdict for setting, judged in found.items()} == {
        "x86_64": Verdict.SAME,
        "arm64": Verdict.REGRESSED,
    }


def test_cold_starts_are_asked_for_in_step_with_warm_calls() -> None:
    asks, samples, _ = carried_out(Rounds(a_plan(X86, cold=20, gate="init +20%")), steady)
    cold = [ask for ask in asks if ask.how is How.COLD]
    assert cold
    assert all(set(ask.counts) == {X86, X86._replace(code="before")} for ask in cold)
    assert sum(sample.purpose is Purpose.COLD for sample in samples) <= 40


def test_a_size_that_one_side_cannot_have_is_left_out_on_both() -> None:
    planner = Rounds(a_plan(X86, ARM))
    failed = {ARM._replace(code="before"): "no such image"}
    ask = planner.next(SoFar(failed=failed))
    assert isinstance(ask, Ask)
    assert {setting.arch for setting in ask.counts} == {"x86_64"}
