"""How far a size's mean lies from one run of a function to the next, learned from earlier runs.

Log means of sizes are a level of the size, what a run has at all sizes alike, what it has at each
of its own, and the chance of its calls, which the calls' scatter tells. Only sizes that several
runs called tell of the former. A few runs tell little, so what functions usually differ by counts
beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuner.model import FloatArray, IntArray
from tuner.model.noise import first_locations

#: The usual difference is worth so many degrees of freedom, one less than runs. 41 functions that
#: cebert/aws-lambda-performance-benchmarks measured in November and in December 2025 at up to nine
#: sizes are likeliest with 1 to 1.5 around 3 %, and with a fifth of the variance common to all
#: sizes of a run.
_WORTH = 2.0
_COMMON = (0.2, 0.5, 0.8, 0.98)  # the last: a machine that is slow as a whole
#: What is thought possible (log-sd).
_SDS = np.geomspace(0.002, 1.0, 100)


@dataclass(frozen=True)
class RunsApart:
    """The log-sd of a size's mean from run to run, and how many runs and sizes tell it."""

    sd: float
    runs: int
    sizes: int


def runs_apart(runs: Sequence[tuple[IntArray, FloatArray]], usual: float) -> RunsApart | None:
    """Learn by how much means differ between ``runs``: of each the sizes (MB) and the durations
    (ms) of its calls. ``usual`` (log-sd) is what functions differ by. ``None`` unless two runs
    called a common size."""
    found = [first_locations(size, np.log(took), 0.0) for size, took in runs if size.size]
    if not found:
        return None
    size = np.concatenate([each.memory_mb for each in found])
    run = np.repeat(np.arange(len(found)), [each.memory_mb.size for each in found])
    _, index, count = np.unique(size, return_inverse=True, return_counts=True)
    common = count[index] > 1
    if not common.any():
        return None
    values = np.concatenate([each.log_ms for each in found])[common]
    variance = np.concatenate([each.variance for each in found])[common]
    logs = _log_likelihoods(values, variance, run[common], size[common])
    # A scaled inverse chi-squared prior of the variance, over even steps of log sd.
    logs = logs - _WORTH * np.log(_SDS) - 0.5 * _WORTH * (usual / _SDS) ** 2
    shares = np.exp(logs - logs.max())
    sd = float((shares @ _SDS**-2.0 / shares.sum()) ** -0.5)
    return RunsApart(sd, np.unique(run[common]).size, int((count > 1).sum()))


def _log_likelihoods(
    values: FloatArray, variance: FloatArray, run: IntArray, size: IntArray
) -> FloatArray:
    """Log likelihood of each of :data:`_SDS`, given log means with their variance.

    Levels of sizes are not known beforehand, so only what runs differ by at a size counts
    (restricted likelihood; Patterson and Thompson, Biometrika 1971).
    """
    levels = np.asarray(size[:, None] == np.unique(size), dtype=np.float64)
    apart = np.linalg.qr(levels, mode="complete")[0][:, levels.shape[1] :].T
    white = np.linalg.inv(np.linalg.cholesky((apart * variance) @ apart.T)) @ apart
    together = np.asarray(run[:, None] == run, dtype=np.float64)
    found = []
    for share in _COMMON:
        shape = share * together + (1.0 - share) * np.eye(run.size)
        strengths, axes = np.linalg.eigh(white @ shape @ white.T)
        total = 1.0 + _SDS[:, None] ** 2 * np.maximum(strengths, 0.0)
        square = (axes.T @ white @ values) ** 2
        found.append(-0.5 * (np.log(total) + square / total).sum(axis=1))
    return np.asarray(np.logaddexp.reduce(found, axis=0), dtype=np.float64)
