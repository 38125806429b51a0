"""Weighing parameters by how well they explain the data: adaptive importance sampling.

A population in the unit cube is drawn, weighed, and redrawn around its best members while the
likelihood is tempered from flat to full (population Monte Carlo; Cappe et al. 2004). The mean
weight of the last population is the evidence of the family. Nothing here knows about curves.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
#: Cube points (k, d) -> log likelihood (k,).
LogLikelihood = Callable[[FloatArray], FloatArray]

_FIRST, _LATER, _STAGES = 1200, 700, 4
_CENTRES = 60
_UNIFORM = 0.1  # share of every population that is drawn from the whole cube


@dataclass(frozen=True)
class Population:
    """Weighed points of the cube; ``log_evidence`` is that of the family under its prior."""

    points: FloatArray
    log_weights: FloatArray
    log_evidence: float

    def weights(self) -> FloatArray:
        """Weights that sum to 1."""
        shifted = np.exp(self.log_weights - self.log_weights.max())
        return np.asarray(shifted / shifted.sum(), dtype=np.float64)


def explore(log_likelihood: LogLikelihood, dimensions: int, rng: np.random.Generator) -> Population:
    """Find where the likelihood lives in the cube, whatever its shape."""
    points = _spread(_FIRST, dimensions, rng)
    values = log_likelihood(points)
    log_weights = values
    for _ in range(_STAGES):
        centres, width = _centres(points, values, log_weights, rng)
        points = _around(centres, width, rng)
        values = log_likelihood(points)
        log_weights = values - _log_density(points, centres, width)
    return Population(points, log_weights, _log_mean(log_weights))


def systematic(weights: FloatArray, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Indices of ``count`` draws in proportion to ``weights``, with the least chance possible."""
    edges = np.cumsum(weights / weights.sum())
    ticks = (rng.random() + np.arange(count)) / count
    return np.minimum(np.searchsorted(edges, ticks), weights.size - 1)


def _spread(count: int, dimensions: int, rng: np.random.Generator) -> FloatArray:
    """Latin hypercube: every coordinate evenly covered."""
    ranks = np.argsort(rng.random((dimensions, count)), axis=1).T
    return np.asarray((ranks + rng.random((count, dimensions))) / count, dtype=np.float64)


def _centres(
    points: FloatArray, values: FloatArray, log_weights: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Members to draw around, and the width of a draw along each coordinate."""
    proposal = log_weights - values  # minus the log density that the points came from
    temper = 1.0
    while temper > 1e-4:
        weights = np.exp(temper * values + proposal - (temper * values + proposal).max())
        weights /= weights.sum()
        if 1.0 / np.sum(weights**2) >= _CENTRES / 2:
            break
        temper *= 0.6
    centres = points[systematic(weights, _CENTRES, rng)]
    spread = np.sqrt(weights @ (points - weights @ points) ** 2)
    return centres, np.maximum(0.5 * spread, 1e-4)


def _around(centres: FloatArray, width: FloatArray, rng: np.random.Generator) -> FloatArray:
    dimensions = centres.shape[1]
    uniform = int(_UNIFORM * _LATER)
    which = np.arange(_LATER - uniform) % centres.shape[0]
    near = centres[which] + width * rng.standard_normal((which.size, dimensions))
    near = np.abs(near)  # fold back into the cube, so that no draw is lost
    near = np.where(near > 1, np.clip(2 - near, 0, 1), near)
    return np.vstack([near, rng.random((uniform, dimensions))])


def _log_density(points: FloatArray, centres: FloatArray, width: FloatArray) -> FloatArray:
    """Of the mixture that :func:`_around` draws from, with its folds to first order."""
    total = np.full(points.shape[0], _UNIFORM)
    kernel = np.ones((points.shape[0], centres.shape[0]))
    for d in range(points.shape[1]):
        x, c, w = points[:, d][:, None], centres[:, d][None, :], width[d]
        bumps = (
            np.exp(-0.5 * ((x + s - f * c) / w) ** 2)
            for s, f in ((0.0, 1.0), (0.0, -1.0), (-2.0, -1.0))
        )
        kernel *= sum(bumps) / (w * np.sqrt(2 * np.pi))
    total += (1 - _UNIFORM) * kernel.mean(axis=1)
    return np.asarray(np.log(total), dtype=np.float64)


def _log_mean(values: FloatArray) -> float:
    top = float(values.max())
    return top + float(np.log(np.mean(np.exp(values - top))))
