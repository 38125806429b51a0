"""Bends: the fast marginal likelihood against the textbook one, and what they may bend to."""

import numpy as np
import pytest

from tuner.model.discrepancy import Bends, FeatureBasis

SIZES = np.array([128, 200, 333, 512, 800, 1024, 1536])
BASIS = FeatureBasis(128, 1536)


def test_the_likelihood_is_that_of_the_full_covariance() -> None:
    rng = np.random.default_rng(1)
    features, variance = BASIS.features(SIZES), rng.uniform(0.001, 0.01, SIZES.size)
    residual, amplitudes = rng.normal(0, 0.1, (5, SIZES.size)), np.array([0.02, 0.3])
    fast = Bends(features, variance).log_likelihood(residual, amplitudes)
    for column, amplitude in enumerate(amplitudes):
        covariance = np.diag(variance) + amplitude**2 * features @ features.T
        solved = np.linalg.solve(covariance, residual.T).T
        _, log_det = np.linalg.slogdet(2 * np.pi * covariance)
        slow = -0.5 * (np.sum(residual * solved, axis=1) + log_det)
        assert fast[:, column] == pytest.approx(slow, rel=1e-4)


def test_the_prior_variance_is_about_one_everywhere_in_the_range() -> None:
    sizes = np.round(np.geomspace(128, 1536, 60)).astype(np.int64)
    variance = np.sum(BASIS.features(sizes) ** 2, axis=1)
    assert variance.min() > 0.8
    assert variance.max() < 1.1


def test_drawn_bends_follow_precise_residuals() -> None:
    features = BASIS.features(SIZES)
    wave = 0.2 * np.sin(np.log(SIZES))
    bends = Bends(features, np.full(SIZES.size, 1e-4))
    drawn = bends.draw(np.tile(wave, (200, 1)), np.full(200, 0.3), np.random.default_rng(2))
    assert (drawn @ features.T).mean(axis=0) == pytest.approx(wave, abs=0.02)


def test_a_tiny_amplitude_leaves_no_room_to_bend() -> None:
    features = BASIS.features(SIZES)
    bends = Bends(features, np.full(SIZES.size, 1e-2))
    drawn = bends.draw(np.full((50, SIZES.size), 0.5), np.full(50, 1e-3), np.random.default_rng(2))
    assert np.abs(drawn @ features.T).max() < 0.02
