"""Histories of runs with planted changes of level, and how well their change points are found."""

import json
import subprocess
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from verdicts.noise import Array, Generator, Local

RUNS, MOST_CHANGES = 100, 3
#: A change found so many runs away from where it was planted is found.
NEAR = 5
#: Changes are planted so far from both ends, and twice as far from each other.
MARGIN = 8
PEER = "apache-otava==0.8.0"
#: Run by the peer's own Python: histories in, the indexes of their change points out.
_PEER_SOURCE = """
import json, sys
from otava.analysis import compute_change_points
found = []
for history in json.load(sys.stdin):
    try:
        found.append([int(point.index) for point in compute_change_points(history)[0]])
    except ValueError:
        found.append(None)
json.dump(found, sys.stdout)
"""


@dataclass(frozen=True, eq=False)
class History:
    """Values by run, and the first run of each new level."""

    values: Array
    changes: tuple[int, ...]


def gaussian(rng: Generator, runs: int, noise: float) -> Array:
    """Logarithms that scatter normally."""
    return noise * rng.standard_normal(runs)


def recorded(source: Local, rng: Generator, runs: int, noise: float) -> Array:
    """What the recorded runs' medians left around their neighbours, brought to ``noise``."""
    left = []
    for calls in source.duration.values():
        logs = np.log(np.median(calls, axis=1))
        left.append(np.diff(logs) - np.median(np.diff(logs)))
    pool = np.concatenate(left)
    return noise / float(pool.std()) * rng.choice(pool, runs)


def planted(rng: Generator, change: float, noise: Array) -> History:
    """Up to three changes of the level, up or down, at least ``2 * MARGIN`` runs apart."""
    count = int(rng.integers(1, MOST_CHANGES + 1)) if change else 0
    while True:
        places = np.sort(rng.integers(MARGIN, RUNS - MARGIN, count))
        if count < 2 or np.diff(places).min() >= 2 * MARGIN:
            break
    logs = noise.copy()
    for place in places:
        logs[place:] += np.log1p(change) * rng.choice([-1, 1])
    return History(100.0 * np.exp(logs), tuple(int(p) for p in places))


@dataclass(frozen=True)
class Score:
    """Changes found, those that were none, those missed, and histories with a false one."""

    found: int
    wrong: int
    missed: int
    spoilt: int
    histories: int

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        every = 2 * self.found + self.wrong + self.missed
        return 2 * self.found / every if every else 1.0


def score(histories: Sequence[History], found: Sequence[Sequence[int]]) -> Score:
    """Match each planted change with the nearest found one that is near and not taken."""
    hits = wrong = missed = spoilt = 0
    for history, points in zip(histories, found, strict=True):
        left = list(points)
        for place in history.changes:
            near = [p for p in left if abs(p - place) <= NEAR]
            if near:
                left.remove(min(near, key=lambda p: abs(p - place)))
                hits += 1
            else:
                missed += 1
        wrong += len(left)
        spoilt += bool(left)
    return Score(hits, wrong, missed, spoilt, len(histories))


class Absent(Exception):  # noqa: N818 - says what is so
    """The peer cannot be had here, and why."""


def peer(folder: Path) -> Path:
    """The Python of an environment that has the peer; raises :class:`Absent`."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", PEER]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Absent((done.stderr.strip().splitlines() or ["pip failed"])[-1])
    return python


def asked(python: Path, histories: Sequence[History]) -> list[list[int] | None]:
    """What the peer finds with its defaults; ``None`` where it fails on a history."""
    text = json.dumps([h.values.tolist() for h in histories])
    done = subprocess.run(
        [str(python), "-c", _PEER_SOURCE], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Absent((done.stderr.strip().splitlines() or ["it failed"])[-1])
    answer: list[list[int] | None] = json.loads(done.stdout)
    return answer
