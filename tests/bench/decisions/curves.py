"""Sweeps of the public recorded curves, and what is true of their answers."""

import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decisions import constants
from decisions.functions import FloatArray, Subject, Truth
from decisions.methods import RATES, price, sample
from tuner.decide.confirm import Confirmation
from tuner.decide.decide import Decider, Question
from tuner.decide.goal import Goal, Strategy, parse_slo
from tuner.decide.outlook import look, worth_of
from tuner.decide.planner import SizesPlanner
from tuner.decide.result import Recommendation
from tuner.planning.ask import Ask, SoFar
from tuner.planning.budget import NO_LIMIT, Budget, spent_on
from tuner.records import Sample
from tuner.units import MemoryRange

#: Latency is left where a size of at most so much more cost is faster by at least so much.
MORE_COST, FASTER = 1.03, 0.8


@dataclass(frozen=True)
class Outcome:
    """One sweep of one curve: what it took, what it said, and what is true of its pick."""

    subject: str
    function: str  # recordings of one function on several architectures are one function
    calls: int
    money: float  # over the price of one call at the best size
    seconds: float  # of arithmetic
    regret: float
    cost_regret: float
    left: float  # share of the duration that could be saved at 3 % more cost
    covered: bool
    stated: float
    within: bool
    own_calls: int
    meets: float | None = None  # probability, where there is an objective
    broken: bool = False
    pick_mb: int = 0
    away: float = 0.0  # log of the true cost over the middle of the draws
    spread: float = 0.0  # log-sd of the draws
    deliberate: float = 0.0  # cost above the least of the size that is the best choice in truth
    mistaken: float = 0.0  # cost above that size's, where it is above
    tried: tuple[tuple[float, float], ...] = ()  # cost above the least, and left, of other weights


def swept(subject: Subject, seed: int, goal: Goal) -> tuple[Recommendation, list[Sample], float]:
    """Drive the planners of a sweep as the experiment does; seconds are of their arithmetic."""
    rng = np.random.default_rng((seed, 3, zlib.crc32(subject.name.encode())))
    sizes = tuple(int(s) for s in subject.sizes)
    question = question_of(sizes, goal, seed)
    samples: list[Sample] = []
    start, number = time.process_time(), 0
    for planner in (
        SizesPlanner({"x86_64": question}, Budget(40)),
        Confirmation({"x86_64": question}, NO_LIMIT),
    ):
        while isinstance(ask := planner.next(_so_far(samples)), Ask):
            number += 1
            for setting, n in ask.counts.items():
                size = setting.memory_mb
                drawn = np.round(subject.draw(size, n, rng), 2)
                samples += [sample(len(samples) + i, size, float(d)) for i, d in enumerate(drawn)]
    pick = Decider(question).answer(samples).recommendation
    assert pick is not None
    return pick, samples, time.process_time() - start


def question_of(sizes: tuple[int, ...], goal: Goal, seed: int) -> Question:
    """The question about a recording with these sizes."""
    return Question(goal, RATES, MemoryRange(sizes_mb=sizes), sizes, budget=Budget(40), seed=seed)


def _so_far(samples: list[Sample]) -> SoFar:
    return SoFar(list(samples), spent_on(samples, RATES, 0.0, 512))


def outcome(subject: Subject, seed: int, goal: Goal) -> Outcome:
    """Sweep, and hold the answer against the truth."""
    pick, samples, seconds = swept(subject, seed, goal)
    truth, at = subject.truth(1.0), int(np.searchsorted(subject.sizes, pick.memory_mb))
    score, allowed = _score(truth, goal), np.ones(subject.sizes.size, dtype=bool)
    for slo in goal.slos:
        allowed &= truth.p95_ms <= slo.limit
    best = float(score[allowed].min()) if allowed.any() else float(score.min())
    cheap = float(truth.cost[allowed].min()) if allowed.any() else float(truth.cost.min())
    spent = sum(price(np.array([s.duration_ms]), s.memory_mb) for s in samples)
    basis = Decider(question_of(tuple(subject.sizes.tolist()), goal, seed)).answer(samples).basis
    assert basis is not None
    outlook = look(basis, subject.sizes)
    promise = pick.cost_usd_per_million
    assert promise is not None
    assert pick.confidence is not None
    true_cost = float(truth.cost[at])
    chosen = float(truth.cost[np.where(allowed, score, np.inf).argmin()])
    regret = float(score[at] / best - 1)
    at_least = goal.strategy is Strategy.COST
    return Outcome(
        subject=subject.name,
        function=function_of(subject.name),
        calls=len(samples),
        money=spent / (float(truth.cost.min()) / 1e6),
        seconds=seconds,
        regret=regret,
        cost_regret=float(true_cost / cheap - 1),
        left=left(truth, at, allowed),
        covered=promise.low <= true_cost <= promise.high,
        stated=pick.confidence,
        within=bool(allowed[at]) and (true_cost / cheap if at_least else 1 + regret) <= 1.05,
        own_calls=pick.verified_calls,
        meets=float(outlook.meets[at]) if goal.slos else None,
        broken=not bool(allowed[at]),
        pick_mb=pick.memory_mb,
        away=float(np.log(true_cost) - np.log(outlook.cost[:, at]).mean()),
        spread=float(np.log(outlook.cost[:, at]).std()),
        deliberate=chosen / cheap - 1,
        mistaken=max(0.0, true_cost / chosen - 1),
        tried=tuple(_tried(subject, samples, seed, goal)) if goal == Goal() else (),
    )


def left(truth: Truth, at: int, allowed: NDArray[np.bool_]) -> float:
    """Share of the duration that another size saves at 3 % more cost at most."""
    near = allowed & (truth.cost <= MORE_COST * truth.cost[at])
    fastest = truth.mean_ms[near].min() if near.any() else truth.mean_ms[at]
    return float(1 - fastest / truth.mean_ms[at])


def _tried(
    subject: Subject, samples: list[Sample], seed: int, goal: Goal
) -> Iterator[tuple[float, float]]:
    """Choose from the same calls with other weights."""
    truth, question = subject.truth(1.0), question_of(tuple(subject.sizes.tolist()), goal, seed)
    every = np.ones(subject.sizes.size, dtype=bool)
    for weights in constants.TRIED:
        with constants.weighed(weights):
            stood = Decider(question).stand(samples)
        assert stood is not None
        at = int(np.searchsorted(subject.sizes, stood.memory_mb))
        yield float(truth.cost[at] / truth.cost.min() - 1), left(truth, at, every)


def _score(truth: Truth, goal: Goal) -> FloatArray:
    if goal.strategy is Strategy.SPEED:
        return truth.mean_ms
    if goal.strategy is Strategy.COST:
        return worth_of(truth.mean_ms[None], truth.cost[None], goal.worth)[0]
    dear, slow = truth.cost / truth.cost.max(), truth.mean_ms / truth.mean_ms.max()
    return goal.balance * dear + (1 - goal.balance) * slow


def function_of(name: str) -> str:
    """A function is one whatever it ran on: ``s3-writes/rust/arm64`` is ``s3-writes/rust``."""
    parts = name.split("/")
    return "/".join(parts[:2]) if parts[0] == "s3-writes" else name.rpartition("-")[0] or name


def objectives(subject: Subject, seed: int, levels: int) -> Iterator[Outcome]:
    """Sweep under p95 objectives between the fastest and the slowest size."""
    truth = subject.truth(1.0)
    low, high = truth.p95_ms.min(), truth.p95_ms.max()
    if high <= 1.02 * low:
        return
    shift = (seed * 0.618) % 1.0
    for i in range(levels):
        level = low * (high / low) ** ((i + 0.15 + 0.7 * shift) / levels)
        yield outcome(subject, seed, Goal(slos=(parse_slo(f"p95<{level:.4f}ms"),)))


def held_out(outcomes: Sequence[Outcome]) -> float:
    """Share of 90 % intervals that hold the truth of functions that their width was not set on.

    For each function it is set on all others, so that 90 % of theirs hold.
    """
    held: list[bool] = []
    for function in sorted({o.function for o in outcomes}):
        others = [o for o in outcomes if o.function != function]
        run_sd = min(_RUN_SDS, key=lambda sd: abs(_coverage(others, sd) - 0.9))
        held += [_holds(o, run_sd) for o in outcomes if o.function == function]
    return float(np.mean(held))


_RUN_SDS = (0.0, 0.003, 0.006, 0.009, 0.012, 0.018, 0.024, 0.03)


def _coverage(outcomes: Sequence[Outcome], run_sd: float) -> float:
    return float(np.mean([_holds(o, run_sd) for o in outcomes]))


def _holds(outcome: Outcome, run_sd: float) -> bool:
    return abs(outcome.away) <= 1.645 * float(np.hypot(outcome.spread, run_sd))
