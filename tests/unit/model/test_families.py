"""Every family: finite, positive, faster with memory, slower with CPU drift, told in units."""

import numpy as np
import pytest

from tuner.model import families
from tuner.model.cfs import elapsed_ms
from tuner.model.families import MEMORY_PRESSURE, STAIRCASE, THREADS, WAIT_SHARE, Family, Scale

SCALE = Scale(fastest_ms=20.0, slowest_ms=300.0, smallest_mb=128.0)
SIZES = np.array([128, 181, 256, 442, 760, 1100, 1769, 3008, 10_240])


@pytest.mark.parametrize("family", families.ALL, ids=lambda f: f.name)
def test_anywhere_in_the_cube_curves_are_sane(family: Family) -> None:
    cube = np.random.default_rng(1).random((300, family.dimensions))
    cube[:2] = [[0.0] * family.dimensions, [1.0] * family.dimensions]
    now = family.moments(cube, SCALE, SIZES, 1.0)
    later = family.moments(cube, SCALE, SIZES, 1.05)
    assert np.isfinite(now.mean_ms).all()
    assert (now.mean_ms > 0).all()
    assert (now.phase_variance >= 0).all()
    assert (now.mean_ms[:, -1] <= now.mean_ms[:, 0] * (1 + 1e-9)).all()
    assert (later.mean_ms >= now.mean_ms * (1 - 1e-9)).all()
    assert (later.mean_ms <= 1.8 * now.mean_ms).all()
    told = family.parameters(cube[2], SCALE)
    assert all(np.isfinite(value) for value in told.values())
    assert set(told) & {"cpu_ms", "excess_ms"}


def test_names_are_unique_and_priors_are_positive() -> None:
    assert len({f.name for f in families.ALL}) == len(families.ALL)
    assert all(f.prior > 0 for f in families.ALL)


def test_threads_are_considered_only_where_they_can_show() -> None:
    assert THREADS not in families.suited(1536)
    assert THREADS in families.suited(3008)


def test_a_staircase_of_one_piece_is_the_scheduler_itself() -> None:
    family = STAIRCASE
    point = np.array([0.93, 0.0, 0.0, 0.0, 0.0])
    cpu = family.parameters(point, SCALE)["cpu_ms"]
    mean = family.moments(point[None], SCALE, SIZES[:7], 1.0).mean_ms[0]
    phases = (np.arange(100) + 0.5) / 5
    exact = elapsed_ms(cpu, SIZES[:7, None], phases).mean(axis=1)
    assert mean == pytest.approx(exact, rel=0.06)


def test_many_pieces_between_waits_are_throttled_less() -> None:
    family = STAIRCASE
    one, many = np.array([[0.95, 0.9, 0.0, 0.0, 0.0], [0.95, 0.9, 0.8, 0.0, 0.0]])
    at = np.array([400])
    whole = family.moments(one[None], SCALE, at, 1.0).mean_ms[0, 0]
    split = family.moments(many[None], SCALE, at, 1.0).mean_ms[0, 0]
    assert split < whole


def test_one_thread_gains_nothing_beyond_one_vcpu_and_several_do() -> None:
    above = np.array([1769, 3538])
    alone = WAIT_SHARE.moments(np.array([[0.8, 0.3]]), SCALE, above, 1.0).mean_ms[0]
    several = THREADS.moments(np.array([[0.8, 0.0, 1.0, 0.5]]), SCALE, above, 1.0).mean_ms[0]
    assert alone[0] == alone[1]
    assert several[1] == pytest.approx(several[0] / 2)


def test_pressure_doubles_the_work_where_it_says() -> None:
    family = MEMORY_PRESSURE
    point = np.array([0.8, 0.0, 0.7])
    told = family.parameters(point, SCALE)
    size = np.array([round(told["pressure_mb"])])
    mean = family.moments(point[None], SCALE, size, 1.0).mean_ms[0, 0]
    assert mean == pytest.approx(2 * told["cpu_ms"] * 1769 / size[0], rel=0.02)
