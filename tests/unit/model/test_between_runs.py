"""What runs of a function differ by is learned from runs, and only as far as they tell it."""

import numpy as np
import pytest

from tuner.model import FloatArray, IntArray
from tuner.model.between_runs import _COMMON, _SDS, _WORTH, runs_apart
from tuner.model.noise import first_locations

SIZES, EACH, USUAL = np.array([128, 256, 512, 1024]), 10, 0.03


def some_runs(
    seed: int, count: int, apart: float, common: float = 0.4, scatter: float = 0.05
) -> list[tuple[IntArray, FloatArray]]:
    """Runs whose means differ by so much (log-sd), of which a share is common to all sizes."""
    rng = np.random.default_rng(seed)
    runs = []
    for _ in range(count):
        level = apart * np.sqrt(common) * rng.standard_normal()
        own = apart * np.sqrt(1.0 - common) * rng.standard_normal(SIZES.size)
        logs = np.log(2e4 / SIZES) + level + own
        calls = np.repeat(logs, EACH) + scatter * rng.standard_normal(SIZES.size * EACH)
        runs.append((np.repeat(SIZES, EACH), np.exp(calls)))
    return runs


def learned(count: int, apart: float, common: float = 0.4) -> float:
    """The root mean square of what many such histories tell."""
    found = [runs_apart(some_runs(seed, count, apart, common), USUAL) for seed in range(40)]
    return float(np.sqrt(np.mean([each.sd**2 for each in found if each is not None])))


@pytest.mark.parametrize("common", [0.2, 0.9])
def test_runs_that_differ_much_are_seen_to(common: float) -> None:
    assert learned(8, 0.1, common) == pytest.approx(0.1, rel=0.25)


def test_runs_that_hardly_differ_are_seen_to() -> None:
    assert learned(8, 0.0) < 0.6 * USUAL


def test_the_fewer_the_runs_the_more_does_the_usual_count() -> None:
    calm = [learned(count, 0.0) for count in (2, 4, 8)]
    wild = [learned(count, 0.15) for count in (2, 4, 8)]
    assert USUAL > calm[0] > calm[1] > calm[2]
    assert USUAL < wild[0] < wild[1] < wild[2]


def test_it_says_how_many_runs_and_sizes_tell_it() -> None:
    first, second, third = some_runs(1, 3, 0.05)
    there = (second[0] < 512, second[0] >= 512)
    alone = np.array([1536, 1536]), np.array([10.0, 11.0])
    found = runs_apart([first, (second[0][there[0]], second[1][there[0]]), alone], USUAL)
    assert found is not None
    assert (found.runs, found.sizes) == (2, 2)
    assert runs_apart([(third[0][there[0]], third[1][there[0]]), alone], USUAL) is None
    assert runs_apart([first], USUAL) is None
    assert runs_apart([], USUAL) is None


def test_many_sizes_of_few_runs_do_not_count_as_many_runs() -> None:
    """A run that is slow as a whole is one event, whatever the number of its sizes."""
    rng = np.random.default_rng(5)
    sizes = np.repeat(np.arange(128, 128 + 40 * 64, 64), 4)
    runs = [
        (sizes, np.exp(4.0 + level + 0.02 * rng.standard_normal(sizes.size)))
        for level in (0.0, 0.012)
    ]
    found = runs_apart(runs, USUAL)
    assert found is not None
    assert 0.3 * USUAL < found.sd < USUAL


def test_it_is_what_the_definition_gives() -> None:
    """The normal likelihood with levels that are as good as unknown, over all that may be."""
    runs = some_runs(3, 3, 0.06)
    found = [first_locations(size, np.log(took), 0.0) for size, took in runs]
    values = np.concatenate([each.log_ms for each in found])
    variance = np.concatenate([each.variance for each in found])
    size = np.concatenate([each.memory_mb for each in found])
    run = np.repeat(np.arange(3), SIZES.size)
    vague = 100.0 * (size[:, None] == size)
    chances = np.zeros(_SDS.size)
    for i, sd in enumerate(_SDS):
        for share in _COMMON:
            between = share * (run[:, None] == run) + (1 - share) * np.eye(run.size)
            whole = np.diag(variance) + sd**2 * between + vague
            _, size_of = np.linalg.slogdet(whole)
            square = (values - 4.0) @ np.linalg.solve(whole, values - 4.0)
            prior = sd**-_WORTH * np.exp(-0.5 * _WORTH * (USUAL / sd) ** 2)
            chances[i] += prior * np.exp(-0.5 * (size_of + square))
    told = runs_apart(runs, USUAL)
    assert told is not None
    expected = (chances @ _SDS**-2.0 / chances.sum()) ** -0.5
    assert told.sd == pytest.approx(expected, rel=0.01)
