"""The sampler finds a likelihood wherever it lives in the cube, and measures its evidence."""

import numpy as np
import pytest

from tuner.model.weighing import explore, systematic


def gaussian(centre: list[float], sd: float):
    """Log likelihood of a round bump, normalised over all of space."""
    where = np.array(centre)

    def log_likelihood(points: np.ndarray) -> np.ndarray:
        square = np.sum((points - where) ** 2, axis=1) / sd**2
        return -0.5 * square - where.size * np.log(sd * np.sqrt(2 * np.pi))

    return log_likelihood


@pytest.mark.parametrize("sd", [0.2, 0.02, 0.002])
def test_a_bump_is_found_with_its_place_width_and_evidence(sd: float) -> None:
    found = explore(gaussian([0.4, 0.7], sd), 2, np.random.default_rng(3))
    weights = found.weights()
    mean = weights @ found.points
    assert mean == pytest.approx([0.4, 0.7], abs=0.3 * sd + 0.01)
    if sd < 0.1:
        spread = np.sqrt(weights @ (found.points - mean) ** 2)
        assert spread == pytest.approx([sd, sd], rel=0.35)
        assert found.log_evidence == pytest.approx(0.0, abs=0.4)


def test_two_bumps_keep_their_shares() -> None:
    left, right = gaussian([0.2], 0.02), gaussian([0.8], 0.02)

    def both(points: np.ndarray) -> np.ndarray:
        return np.logaddexp(left(points) + np.log(0.3), right(points) + np.log(0.7))

    found = explore(both, 1, np.random.default_rng(4))
    share = found.weights()[found.points[:, 0] > 0.5].sum()
    assert share == pytest.approx(0.7, abs=0.12)


def test_half_of_a_bump_at_the_border_is_half_the_evidence() -> None:
    found = explore(gaussian([0.0], 0.05), 1, np.random.default_rng(5))
    assert found.log_evidence == pytest.approx(np.log(0.5), abs=0.2)
    assert found.points.min() >= 0.0


def test_a_known_start_is_as_good_as_a_search() -> None:
    likelihood = gaussian([0.31, 0.62, 0.5], 0.01)
    start = explore(likelihood, 3, np.random.default_rng(6))
    again = explore(likelihood, 3, np.random.default_rng(7), stages=1, start=start)
    assert again.log_evidence == pytest.approx(0.0, abs=0.5)


def test_systematic_draws_keep_proportions() -> None:
    drawn = systematic(np.array([1.0, 0.0, 3.0]), 400, np.random.default_rng(1))
    counts = np.bincount(drawn, minlength=3)
    assert counts[1] == 0
    assert counts[2] == pytest.approx(300, abs=1)
