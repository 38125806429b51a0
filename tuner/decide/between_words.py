"""What an architecture's best size would change, in words and in the records of an answer."""

from collections.abc import Mapping

from tuner.decide.between import Chosen
from tuner.decide.choice import SURE
from tuner.decide.decide import Standing
from tuner.decide.reasons import changes, probability
from tuner.decide.result import Recommendation, RunnerUp, Sweep, VersusCurrent
from tuner.units import format_memory, format_ms, format_usd_per_million


def between_reasons(
    chosen: Chosen, standings: Mapping[str, Standing], sweeps: Mapping[str, Sweep]
) -> tuple[str, ...]:
    """A sentence for each architecture that was not chosen."""
    lines = []
    for arch, sweep in sweeps.items():
        if arch == chosen.arch:
            continue
        if arch not in standings:
            why = next((size.reason for size in sweep.sizes if size.reason), None)
            lines.append(f"{arch} has no result to compare{f': {why}' if why else ''}.")
            continue
        cost, time = _means(standings[arch])
        what = _change(standings[arch], standings[chosen.arch])
        lines.append(
            f"{arch} at its best, {format_memory(_size(standings[arch]))}, is {what} "
            f"({format_usd_per_million(cost)}, {format_ms(time)} on average); "
            f"{chosen.arch} is better with a probability "
            f"{probability(_better(chosen, arch))}."
        )
    return tuple(lines)


def against_others(chosen: Chosen, standings: Mapping[str, Standing]) -> tuple[RunnerUp, ...]:
    """The best size of every other architecture, and why it was not chosen."""
    found = []
    for arch, standing in standings.items():
        if arch == chosen.arch:
            continue
        meets = float(standing.outlook.meets[standing.index])
        why = _change(standing, standings[chosen.arch])
        if meets < SURE and standings[chosen.arch].outlook.meets[_at(standings, chosen)] >= meets:
            why = f"meets the objectives with a probability {probability(meets)}"
        found.append(RunnerUp(_size(standing), *_means(standing), why, arch))
    return tuple(found)


def versus_now(
    pick: Recommendation, own: Recommendation | None, standings: Mapping[str, Standing]
) -> VersusCurrent | None:
    """The pick against the present size on the present architecture, whose own answer is ``own``;
    ``None`` where that was not measured."""
    if own is None or own.versus_current is None or own.arch == pick.arch:
        return None if own is None else own.versus_current
    now = own.versus_current
    ratios = [
        there / here - 1.0
        for there, here in zip(
            _means(standings[pick.arch]), _means(standings[own.arch]), strict=True
        )
    ]
    both = zip((now.cost_change, now.duration_change), ratios, strict=True)
    cost, time = [
        None if change is None else (1.0 + change) * (1.0 + ratio) - 1.0 for change, ratio in both
    ]
    return VersusCurrent(now.memory_mb, cost, time, own.arch)


def _at(standings: Mapping[str, Standing], chosen: Chosen) -> int:
    return standings[chosen.arch].index


def _size(standing: Standing) -> int:
    return int(standing.outlook.memory_mb[standing.index])


def _means(standing: Standing) -> tuple[float, float]:
    """Mean cost (USD per million) and mean duration (ms) of its best size."""
    outlook, index = standing.outlook, standing.index
    return float(outlook.cost[:, index].mean()), float(outlook.duration_ms[:, index].mean())


def _change(there: Standing, here: Standing) -> str:
    (cost, time), (cost_here, time_here) = _means(there), _means(here)
    return changes(cost / cost_here - 1.0, time / time_here - 1.0)


def _better(chosen: Chosen, other: str) -> float:
    """Probability that the chosen architecture beats this other one, others aside."""
    both = chosen.chances[chosen.arch] + chosen.chances[other]
    return chosen.chances[chosen.arch] / both if both else 1.0
