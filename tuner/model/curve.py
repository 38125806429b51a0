"""A fitted curve: many equally likely curves, so that every question has an answer with a spread.

Each draw is a family, a point of its parameters, a bend away from it and a noise; evaluating a
draw at any size (MB) gives milliseconds. Nothing here fits; see :mod:`tuner.model.fit`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from tuner.model import FloatArray, IntArray
from tuner.model.discrepancy import FeatureBasis, Scatter
from tuner.model.families import Family, Scale
from tuner.model.noise import Locations, NoiseDraws


@dataclass(frozen=True)
class Strand:
    """The draws of one family: which rows they are, their points of the cube, the locations that
    they were fitted to, and how the scatter around them changes over memory."""

    family: Family
    rows: IntArray
    points: FloatArray
    locations: Locations
    scatter: Scatter
    own_sd: float  # log-sd of what sizes have of their own, beyond any curve


@dataclass(frozen=True)
class Evaluation:
    """Draws at some sizes, (draws, sizes): log location, mean (ms), and the log-sd of one call, of
    which ``phase_sd`` is the scheduler's and ``noise_sd`` the rest."""

    log_ms: FloatArray
    mean_ms: FloatArray
    noise_sd: FloatArray
    phase_sd: FloatArray

    @property
    def sd(self) -> FloatArray:
        """Log-sd of one call (draws, sizes)."""
        return np.hypot(self.noise_sd, self.phase_sd)


@dataclass(frozen=True)
class Curve:
    """Duration over memory, as the data have it. ``family`` is the likeliest one.

    ``parameters`` are its own, with units in their names; ``fit_error`` is the relative root mean
    square distance between the curve and the measured sizes; ``alternatives`` are all families
    with their weights, heaviest first. ``misfits`` maps sizes (MB) that lie far off any curve to
    how many times as long as it they take.
    """

    family: str
    parameters: Mapping[str, float]
    fit_error: float
    alternatives: tuple[tuple[str, float], ...]
    strands: tuple[Strand, ...]
    bends: FloatArray  # (draws, features)
    basis: FeatureBasis
    scale: Scale
    noise: NoiseDraws
    own_sd: float = 0.0  # the mean of the strands' where sizes have something of their own
    listed: bool = True  # sizes that were not measured have something of their own, too
    misfits: Mapping[int, float] = field(default_factory=dict)

    @property
    def draws(self) -> int:
        """Number of equally likely curves."""
        return int(self.bends.shape[0])

    def evaluate(self, memory_mb: IntArray, drift: float = 1.0) -> Evaluation:
        """All draws at ``memory_mb`` (n,), with the CPU demand multiplied by ``drift``."""
        sizes = np.asarray(memory_mb, dtype=np.int64)
        bends = self.bends @ self.basis.features(sizes).T
        location, log_phase, ratio = (np.empty_like(bends) for _ in range(3))
        for strand in self.strands:
            rows = strand.rows
            smooth, log_phase[rows] = self._smooth(strand, sizes, drift)
            location[rows] = smooth + bends[rows]
            ratio[rows] = np.exp(strand.scatter.log_ratio(sizes))
            if self.own_sd and strand.own_sd:
                if drift != 1.0:  # what a size has of its own was measured without drift
                    smooth, _ = self._smooth(strand, sizes, 1.0)
                location[rows] += self._own(strand, sizes, smooth + bends[rows])
        sd = self.noise.sd[:, None]
        phase_sd = np.sqrt(np.maximum(log_phase, 0.0))
        more = sd**2 * (ratio**2 - 1.0) / 2.0  # in the mean of a log-normal
        mean = np.exp(location + log_phase / 2 + more) * self.noise.tail[:, None]
        return Evaluation(location, mean, ratio * sd, ratio * phase_sd)

    def _smooth(
        self, strand: Strand, sizes: IntArray, drift: float
    ) -> tuple[FloatArray, FloatArray]:
        """Log location and log phase variance of a family, each (rows, sizes), without bends."""
        return strand.family.moments(strand.points, self.scale, sizes, drift).log_location()

    def _own(self, strand: Strand, sizes: IntArray, smooth: FloatArray) -> FloatArray:
        """Each size's own deviation (rows, sizes): measured where it was, else pure chance.

        Of a range, a size that was not measured is taken to lie on the curve: next to it are others
        that are the same to Lambda, and the luckiest of hundreds would seem to beat any measured.
        """
        own, found = strand.own_sd**2, strand.locations
        place = np.minimum(np.searchsorted(found.memory_mb, sizes), found.memory_mb.size - 1)
        measured = found.memory_mb[place] == sizes
        error = np.where(measured, found.variance[place] - own, np.inf)
        kept = np.where(measured, own / (own + error), 0.0)
        chance = _chances(sizes.tobytes(), self.draws)[strand.rows]
        away = np.where(measured, found.log_ms[place] - smooth, 0.0)
        luck = np.where(measured | self.listed, strand.own_sd * np.sqrt(1.0 - kept), 0.0)
        return np.asarray(kept * away + luck * chance)

    def mean_ms(self, memory_mb: IntArray, drift: float = 1.0) -> FloatArray:
        """Mean duration (draws, sizes) in ms."""
        return self.evaluate(memory_mb, drift).mean_ms

    def quantile_ms(self, memory_mb: IntArray, q: float, drift: float = 1.0) -> FloatArray:
        """The ``q`` quantile of a single duration, (draws, sizes) in ms.

        The phase is about uniform, which has no tail: its quantile lies sqrt(12) (q - 1/2)
        standard deviations out. Independent parts add up as their squares do. How far calls of a
        size scatter is its own in part, which its few calls do not tell.
        """
        at = self.evaluate(memory_mb, drift)
        noise = at.noise_sd * self.noise.quantile(q)[:, None]
        spread = np.copysign(np.hypot(noise, np.sqrt(12.0) * (q - 0.5) * at.phase_sd), noise)
        return np.asarray(np.exp(at.log_ms + spread * self._own_scatter(memory_mb)))

    def _own_scatter(self, memory_mb: IntArray) -> FloatArray:
        """How many times as far each size scatters as the smooth change over memory has it."""
        sizes, chance = np.asarray(memory_mb, dtype=np.int64), self.luck(memory_mb, SCATTER)
        found = np.empty(chance.shape)
        for strand in self.strands:
            rows = strand.rows
            found[rows] = np.exp(strand.scatter.own_log_ratio(sizes, chance[rows]))
        return found

    def luck(self, memory_mb: IntArray, kind: tuple[int, ...]) -> FloatArray:
        """Standard normal luck of each size (draws, sizes), of its scatter or of another run.

        Of a range, sizes that were not measured share one: the luckiest of hundreds is no better.
        """
        sizes = np.asarray(memory_mb, dtype=np.int64)
        own = np.isin(sizes, self.strands[0].locations.memory_mb) | self.listed
        return _chances(np.where(own, sizes, 0).tobytes(), self.draws, kind)


#: Kinds of luck: of a size's location, of its scatter, and of one run beside another.
_LOCATION, SCATTER, RUN = (), (1,), (2,)


@lru_cache(maxsize=16)
def _chances(sizes: bytes, draws: int, kind: tuple[int, ...] = _LOCATION) -> FloatArray:
    """Standard normal luck of sizes (int64 MB), (draws, sizes): the same whenever one is asked."""
    each = [_chance(int(size), draws, kind) for size in np.frombuffer(sizes, dtype=np.int64)]
    return np.stack(each, axis=1)


@lru_cache(maxsize=2048)
def _chance(memory_mb: int, draws: int, kind: tuple[int, ...]) -> FloatArray:
    """Of mean 0 and variance 1 exactly: else the luck of few draws would look like steps."""
    found = np.random.default_rng((memory_mb, *kind)).standard_normal(draws)
    return (found - found.mean()) / found.std() if draws > 1 else found
