"""Constants by cross-validation: set on all functions but one, and held against that one."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from decisions.functions import FloatArray, Subject
from tuner.decide import outlook
from tuner.model import families, fit
from tuner.model.discrepancy import FeatureBasis
from tuner.model.noise import first_locations
from tuner.model.weighing import Data, sketch


@dataclass(frozen=True)
class Weights:
    """What speed is worth: the exponent of the duration, and how much a log of cost beyond what
    speed may cost counts."""

    exponent: float
    too_dear: float


#: What is tried. The first is what the product has.
TRIED = (
    Weights(outlook.EXPONENT, outlook.TOO_DEAR),
    *(Weights(e, d) for e in (1.0, 1.7, 2.5, 3.5) for d in (1.0, 3.0, 5.0, 8.0, 12.0)),
)


@contextmanager
def weighed(weights: Weights) -> Iterator[None]:
    """Choose with other weights for a while."""
    before = outlook.EXPONENT, outlook.TOO_DEAR
    outlook.EXPONENT, outlook.TOO_DEAR = weights.exponent, weights.too_dear
    try:
        yield
    finally:
        outlook.EXPONENT, outlook.TOO_DEAR = before


#: A regret, and a share of runs that leave latency, that count alike: what is to be reached.
REGRET, LEFT = 0.005, 0.05


def held_out(
    functions: Sequence[str], regret: FloatArray, left: FloatArray
) -> Iterator[tuple[str, Weights, float, float]]:
    """Each function, the weights that are best on all others, and its regret and share of runs
    that leave latency with them. ``regret`` and ``left`` are (runs, weights tried)."""
    names = np.array(functions)
    for name in sorted(set(functions)):
        own = names == name
        loss = regret[~own].mean(axis=0) / REGRET + left[~own].mean(axis=0) / LEFT
        at = int(loss.argmin())
        yield name, TRIED[at], float(regret[own, at].mean()), float(left[own, at].mean())


#: What sizes may have of their own (log-sd), as it is in the product.
OWNS = fit.RECORDED_SD * fit._OWN_TIMES


def own_evidence(subject: Subject, least: float = OWNS[0]) -> FloatArray:
    """Log evidence of each of :data:`OWNS` where every mean of a curve is known to half a
    percent."""
    rng = np.random.default_rng(0)
    log_ms = np.log(subject.truth(1.0).mean_ms)
    memory = np.repeat(subject.sizes, 12)
    noisy = np.repeat(log_ms, 12) + 0.005 * rng.standard_normal(memory.size)
    basis = FeatureBasis(float(memory.min()), float(memory.max()))
    first = first_locations(memory, noisy, least)
    data = Data(memory, noisy, basis, fit._scale(first), least, rng)
    features = basis.features(first.memory_mb)
    found = [sketch(f, data, first, features) for f in families.suited(basis.high_mb)]
    logs = [[each.log_evidence_if(own, least) for each in found] for own in OWNS]
    return np.logaddexp.reduce(np.array(logs), axis=1)


def chances(evidence: FloatArray, rounds: int = 200) -> FloatArray:
    """How usual each of :data:`OWNS` is, by the curves' evidence (curves, owns): the prior that
    makes them likeliest (expectation maximisation; one curve in all is added to be on the safe
    side)."""
    prior = np.full(OWNS.size, 1.0 / OWNS.size)
    for _ in range(rounds):
        logs = evidence + np.log(prior)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        prior = (shares.sum(axis=0) + 1.0 / OWNS.size) / (len(shares) + 1.0)
    return np.asarray(prior)


def owns_held_out(
    subjects: Sequence[Subject], function: Callable[[str], str]
) -> Iterator[tuple[str, FloatArray, float, float]]:
    """Each function, the chances that are set on all others, and the log evidence of its curves
    with these and with those of the product."""
    evidence = np.array([own_evidence(each) for each in subjects])
    names = np.array([function(each.name) for each in subjects])
    for name in sorted(set(names.tolist())):
        own = names == name
        prior = chances(evidence[~own])
        both = [
            float(np.logaddexp.reduce(evidence[own] + np.log(each), axis=1).sum())
            for each in (prior, fit._OF_RECORDINGS)
        ]
        yield name, prior, both[0], both[1]
