"""A pick that was measured beside other programs: what is said of it, and what to do next."""

from dataclasses import replace

from support.factories import a_function, a_run, a_sample
from tuner.billing.prices import prices
from tuner.decide.conclude import Evidence, conclude
from tuner.decide.decide import Question
from tuner.decide.goal import Goal
from tuner.decide.month import Priced
from tuner.decide.reasons import SURE_ENOUGH
from tuner.decide.result import Sweep
from tuner.decide.steady import SUREST_IF_BUSY
from tuner.records import MACHINE_BUSY, Advice
from tuner.report.verdict import verdict
from tuner.units import MemoryRange

X86 = prices("us-east-1", "x86_64")
MEANS = {256: 400.0, 512: 90.0, 1024: 85.0}  # 512 MB is best by far


def swept(*warnings: Advice) -> Sweep:
    run = replace(a_run("01J", facts=a_function(memory_mb=256)), warnings=warnings)
    factors = (0.98, 0.99, 1.0, 1.01, 1.02) * 3
    samples = [
        a_sample(size, call=call, ran_ms=mean * factor)
        for size, mean in MEANS.items()
        for call, factor in enumerate(factors)
    ]
    question = Question(Goal(current_mb=256), X86, MemoryRange(sizes_mb=tuple(MEANS)), seed=1)
    return conclude(Evidence(run, samples, Priced(X86)), question)


def test_no_pick_is_surer_than_a_busy_machine_lets_it_be() -> None:
    calm, busy = swept(), swept(Advice(MACHINE_BUSY, "Other programs ran."))
    assert calm.recommendation is not None
    assert busy.recommendation is not None
    assert calm.recommendation.confidence > 0.95
    assert busy.recommendation.confidence == SUREST_IF_BUSY < SURE_ENOUGH
    assert busy.recommendation.memory_mb == calm.recommendation.memory_mb == 512
    doubt = "as other programs used the machine. A run on a calm one would settle it."
    assert any(line.endswith(doubt) for line in busy.recommendation.reasons)
    assert not any(line.endswith(doubt) for line in calm.recommendation.reasons)


def test_the_next_step_on_a_busy_machine_is_the_same_sweep_on_a_calm_one() -> None:
    calm, said = map(verdict, (swept(), swept(Advice(MACHINE_BUSY, "Other programs ran."))))
    assert calm is not None
    assert calm.data["sizes"]["512"]["command"].startswith("tuner apply ")
    assert said is not None
    step = said.data["sizes"]["512"]
    assert step["command"].startswith("tuner sweep ")
    assert step["hint"] == "measures again: do so while no other program uses the machine"
    assert step["trust"] == "fair"
