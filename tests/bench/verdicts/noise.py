"""Recorded noise, and pairs of measurements drawn from it with planted changes.

``local``: the recordings beside this file, drawn in blocks of neighbouring calls so that what a
moment of the machine did to both sides stays. ``aws``: calls that others recorded on AWS, drawn
one by one; only their scatter is used, and absent recordings leave that noise out.
"""

import csv
import gzip
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuner.model.comparison import Counted, Measured
from tuner.suites.side import Side

HERE = Path(__file__).parent
_BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"
DATA = Path(os.environ.get("TUNER_SHARED_DATA", _BESIDE))

Array = NDArray[np.float64]
Generator = np.random.Generator

#: Neighbouring calls that are drawn together, and neighbouring runs that are one time of day.
BLOCK, NEIGHBOURS = 8, 5
#: One cold start to so many calls.
COLD_SHARE = 5
#: Above this part of the calls a change of the tail begins.
TAIL_FROM = 0.85


@dataclass(frozen=True)
class Change:
    """What is made of the later side: factors of its durations, slow calls, cost and INIT."""

    level: float = 1.0
    tail: float = 1.0
    cost: float = 1.0
    init: float = 1.0


@dataclass(frozen=True, eq=False)
class Calls:
    """One function at one time: arrays by call, and its INITs, which may be of other calls."""

    duration: Array
    client: Array
    init: Array

    def side(self, calls: int, change: Change = Change(), drift: float = 1.0) -> Side:
        """The first ``calls`` of them as a side, changed and drifted."""
        factor = np.full(len(self.duration), change.level * drift)
        if change.tail != 1.0:
            slow = self.duration > np.quantile(self.duration, TAIL_FROM)
            factor = np.where(slow, factor * change.tail, factor)
        duration = self.duration[:calls] * factor[:calls]
        # Around the duration the platform takes its own time, which drifts but does not change.
        around = np.maximum(self.client - self.duration, 0.0)[:calls] * drift
        starts = max(1, calls // COLD_SHARE)
        init = self.init[:starts] * change.init * drift
        rounds = np.arange(len(duration))
        billed = np.ceil(np.round(duration, 6)) * change.cost
        billed[::COLD_SHARE][: len(init)] += init[: len(billed[::COLD_SHARE])]
        return Side(
            duration_ms=Measured.of(duration, rounds),
            client_ms=Measured.of(duration + around, rounds),
            cold_ms=Measured.of(init + duration[: len(init)], rounds[: len(init)]),
            init_ms=Measured.of(init, rounds[: len(init)]),
            cost_usd=Measured.of(billed * 1.7e-8 + 2e-7 * change.cost, rounds),
            throttles=Counted(0, calls),
            errors=Counted(0, calls),
        )


@dataclass(frozen=True, eq=False)
class Local:
    """The local Lambda: arrays of runs by calls, per function."""

    duration: Mapping[str, Array]
    client: Mapping[str, Array]
    init: Mapping[str, Array]
    name: str

    def interleaved(self, rng: Generator, calls: int, function: str) -> tuple[Calls, Calls]:
        """Both sides of one time: neighbouring calls go to either side by turns."""
        run = self._time(rng)
        rows, places = self._blocks(rng, run, 2 * calls)
        swap = rng.permuted(np.tile([0, 1], (calls, 1)), axis=1) + 2 * np.arange(calls)[:, None]
        starts = rng.permutation(self._inits(function, run))
        if len(starts) < 2 * calls // COLD_SHARE:
            starts = rng.choice(starts, 2 * calls // COLD_SHARE)
        one, other = (
            Calls(
                self.duration[function][rows, places][swap[:, i]],
                self.client[function][rows, places][swap[:, i]],
                starts[i::2],
            )
            for i in (0, 1)
        )
        return one, other

    def times(self) -> int:
        """How many times of day there are."""
        return len(self.duration["control"]) - NEIGHBOURS + 1

    def run(
        self, rng: Generator, calls: int, function: str, time: int | None = None
    ) -> tuple[Calls, Calls]:
        """The function and the control of one time (of any), in the same moments."""
        run = self._time(rng) if time is None else time
        rows, places = self._blocks(rng, run, calls)
        starts = rng.integers(0, 2**31)
        pair = []
        for name in (function, "control"):
            inits = self._inits(name, run)
            chosen = np.random.default_rng(starts).integers(0, len(inits), calls // COLD_SHARE)
            pair.append(
                Calls(
                    self.duration[name][rows, places], self.client[name][rows, places],
                    inits[chosen],
                )
            )  # fmt: skip
        return pair[0], pair[1]

    def functions(self) -> list[str]:
        """Those that may be compared by help of the control."""
        return sorted(set(self.duration) - {"control"})

    def _time(self, rng: Generator) -> int:
        return int(rng.integers(0, self.times()))

    def _blocks(
        self, rng: Generator, run: int, calls: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        width = self.duration["control"].shape[1]
        blocks = -(-calls // BLOCK)
        rows = np.repeat(rng.integers(run, run + NEIGHBOURS, blocks), BLOCK)
        starts = rng.integers(0, width - BLOCK + 1, blocks)
        places = (starts[:, None] + np.arange(BLOCK)).ravel()
        return rows[:calls], places[:calls]

    def _inits(self, function: str, run: int) -> Array:
        return self.init[function][run : run + NEIGHBOURS].ravel()


@dataclass(frozen=True, eq=False)
class Aws:
    """Calls of a function and size each, and INITs around their middle."""

    groups: list[tuple[Array, Array]]
    inits: Array
    name: str = "AWS"

    def interleaved(self, rng: Generator, calls: int, function: str) -> tuple[Calls, Calls]:
        """Both sides from one group."""
        group = self.groups[int(function)]
        return self._calls(rng, group, calls), self._calls(rng, group, calls)

    def times(self) -> int:
        """They were recorded at one time."""
        return 1

    def run(
        self, rng: Generator, calls: int, function: str, time: int | None = None
    ) -> tuple[Calls, Calls]:
        """The function's group and, as control, another one."""
        number = int(function)
        other = (number + 1) % len(self.groups)
        return (
            self._calls(rng, self.groups[number], calls),
            self._calls(rng, self.groups[other], calls),
        )

    def functions(self) -> list[str]:
        """One per group."""
        return [str(i) for i in range(len(self.groups))]

    def _calls(self, rng: Generator, group: tuple[Array, Array], calls: int) -> Calls:
        drawn = rng.integers(0, len(group[0]), calls)
        starts = 120.0 * rng.choice(self.inits, max(1, calls // COLD_SHARE))
        return Calls(group[0][drawn], group[1][drawn], starts)


def local(kind: str) -> Local:
    """The local Lambda's recordings: ``short`` or ``long`` calls."""
    with gzip.open(HERE / "local" / f"{kind}.csv.gz", "rt") as text:
        rows = list(csv.DictReader(text))
    warm: dict[str, dict[int, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    cold: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        name, run = row["function"], int(row["run"])
        if row["init_ms"]:
            cold[name][run].append(float(row["init_ms"]))
        else:
            warm[name][run].append((float(row["duration_ms"]), float(row["client_ms"])))
    runs = sorted(warm["control"])
    return Local(
        {n: np.array([[d for d, _ in w[r]] for r in runs]) for n, w in warm.items()},
        {n: np.array([[c for _, c in w[r]] for r in runs]) for n, w in warm.items()},
        {n: np.array([c[r] for r in runs]) for n, c in cold.items()},
        f"local {kind}",
    )


def aws() -> Aws | None:
    """What others recorded on AWS; ``None`` where the recordings are absent."""
    if not (DATA / "factors.csv").exists():
        return None
    groups: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for row in _rows("factors.csv"):
        groups[row["function"], row["memory_mb"]].append(
            (float(row["duration_ms"]), float(row["client_ms"]))
        )
    starts: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for row in _rows("cold-starts.csv"):
        key = (row["runtime"], row["arch"], row["package"], row["memory_mb"])
        starts[key].append(float(row["init_ms"]))
    scatter = [np.array(v) / np.median(v) for v in starts.values() if len(v) >= 8]
    pairs = [np.array(v) for _, v in sorted(groups.items())]
    return Aws([(p[:, 0], p[:, 1]) for p in pairs], np.concatenate(scatter))


def _rows(name: str) -> Iterable[dict[str, str]]:
    with (DATA / name).open() as text:
        return list(csv.DictReader(text))
