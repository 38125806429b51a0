"""The worth of an invocation: how much it is expected to improve the decision.

Preposterior analysis (Raiffa and Schlaifer, "Applied Statistical Decision Theory", 1961) on
equally likely draws: suppose draw j were the truth, imagine what the invocations would show,
weigh all draws by it, choose again. Arrays in, arrays out.
"""

from dataclasses import dataclass

import numpy as np

from tuner.model import FloatArray, IntArray


@dataclass(frozen=True)
class Beliefs:
    """Beliefs as D equally likely draws.

    ``loss`` (D, M) is what choosing each of M sizes would cost, relative to the best (1.0 is the
    best's mean); ``log_ms`` (D, S) where the durations of S sizes lie, ``sd`` (S,) how a single
    one scatters (log); ``price_usd`` and ``seconds`` (S,) are those of one invocation. Both
    lists of sizes ascend. ``pick`` is the index of the choice that would be made now; all are on
    one ``arch``. ``beside_mb`` is a size that needs calls of its own anyway.
    """

    choice_mb: IntArray
    loss: FloatArray
    ask_mb: IntArray
    log_ms: FloatArray
    sd: FloatArray
    price_usd: FloatArray
    seconds: FloatArray
    pick: int
    arch: str = "x86_64"
    beside_mb: int | None = None

    @property
    def regret(self) -> float:
        """Expected loss of the pick beyond that of the best size, which differs by draw."""
        return float(np.mean(self.loss[:, self.pick] - self.loss.min(axis=1)))

    def confidence(self, tolerance: float) -> float:
        """Probability that the pick is within ``tolerance`` (0.05 = 5 %) of the best."""
        best = self.loss.min(axis=1)
        return float(np.mean(self.loss[:, self.pick] <= best * (1 + tolerance)))


#: Two warm sandboxes differ a little, which repeating in one of them does not average away.
_SANDBOX_SD = 0.006


def expected_gain(
    beliefs: Beliefs, repeats: int, rng: np.random.Generator, outcomes: int = 32
) -> FloatArray:
    """Fall in expected loss (S,) by ``repeats`` invocations at each of the S sizes."""
    now = float(beliefs.loss.mean(axis=0).min())
    truths = (np.arange(outcomes) * beliefs.loss.shape[0]) // outcomes
    noise = rng.standard_normal(outcomes)
    gain = np.empty(beliefs.ask_mb.size)
    for s in range(beliefs.ask_mb.size):
        error = np.sqrt(beliefs.sd[s] ** 2 / repeats + _SANDBOX_SD**2)
        seen = beliefs.log_ms[truths, s] + error * noise
        away = (seen[:, None] - beliefs.log_ms[None, :, s]) / error
        weights = np.exp(-0.5 * away**2)
        weights /= weights.sum(axis=1, keepdims=True)
        gain[s] = now - float(np.mean((weights @ beliefs.loss).min(axis=1)))
    return np.maximum(gain, 0.0)
