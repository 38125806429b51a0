"""The verdict: what there is now, what is recommended, how sure that is, and the next step.

The figures of every size that was called stand ready, so that the page can show another choice, or
the same at another traffic, without arithmetic of its own but that of ``templates/what_if.js``.
"""

import json
import math
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from tuner.decide.outlook import VERIFIED
from tuner.decide.result import Recommendation, SizeRow, SizeTerms, Sweep, WhatIf
from tuner.decide.what_if import chosen, month_usd, usd_per_million
from tuner.options.commands import SweepCommand
from tuner.options.option import options_of
from tuner.records import Backend, machine_was_busy
from tuner.report.answer import chance_of, missed_words, rests_on, size_named, sure
from tuner.report.elements import Stat, Verdict, call_count, changed, estimate, format_chance, known
from tuner.report.sweep_series import shared_axis
from tuner.store.plain import dumps
from tuner.units import (
    SECONDS_PER_MONTH,
    UNKNOWN,
    counted,
    format_cost,
    format_ms,
    format_probability,
    format_rate,
    listed,
)

#: Names of the buttons, in their order; the first is left out where it is one of the others.
_BUTTONS = ("recommended", "cheapest", "balanced", "fastest")
#: Calls of a month where no traffic was given.
_USUAL_CALLS = 1e6
#: Targets that nothing declares, and the files that declare others.
_DEMO, _TEMPLATES = "demo:", (".yaml", ".yml", ".json", ".template", ".tf")
#: Confidence from which on it has this name.
_SURE, _FAIR = "high", "fair"
_WORDS = ((0.9, _SURE), (0.75, _FAIR), (0.0, "low"))


def verdict(sweep: Sweep) -> Verdict | None:
    """The verdict on a sweep; ``None`` where nothing can be compared or priced again."""
    terms, pick = sweep.what_if, sweep.recommendation
    if terms is None or pick is None or not _sane(terms):
        return None
    calls = terms.month_calls or _USUAL_CALLS
    picks = {**chosen(terms, terms.cold_share), "recommended": pick.memory_mb}
    others = {picks[name] for name in _BUTTONS[1:]}
    names = _BUTTONS[1:] if pick.memory_mb in others else _BUTTONS
    pressed = next(name for name in names if picks[name] == pick.memory_mb)
    bills, axis = month_usd(terms, calls, terms.cold_share), shared_axis(sweep)
    shown = {size.memory_mb: _shown(size, sweep, pick) for size in terms.sizes}
    now = sweep.current_mb if sweep.current_mb in shown else None
    data = {
        "terms": asdict(terms),
        "sizes": shown,
        "now": now,
        "calls": calls,
        "names": names,
        "axis": (axis.low, axis.high),
    }
    here = shown[pick.memory_mb]
    return Verdict(
        current="" if sweep.current_mb is None else size_named(sweep.current_mb, sweep),
        size=here["named"],
        stats=tuple(_stats(terms, shown, now, bills)),
        trust=here["trust"],
        trust_why=here["why"],
        buttons=tuple((name, shown[picks[name]]["named"], bills[picks[name]]) for name in names),
        pressed=pressed,
        recommended=pressed,
        command=here["command"],
        hint=here["hint"],
        traffic=_traffic(calls),
        assumed=terms.month_calls is None,
        cold_share=terms.cold_share,
        cold_known=terms.cold_known,
        data=json.loads(dumps(data)),
    )


def _sane(terms: WhatIf) -> bool:
    """True if all numbers can be reckoned with."""
    sizes = [each for size in terms.sizes for each in asdict(size).values()]
    rest = [each for each in asdict(terms).values() if isinstance(each, int | float)]
    tiers = [each for tier in terms.tiers for each in tier]
    numbers = all(math.isfinite(each) and 0 <= each < 1e15 for each in (*sizes, *rest, *tiers))
    positive = (terms.favour, terms.gb_second_usd, *(size.duration_ms for size in terms.sizes))
    here = terms.pick_mb in {size.memory_mb for size in terms.sizes}
    named = terms.strategy in ("cost", "speed", "balanced")
    return numbers and here and named and all(each > 1e-15 for each in positive)


def _shown(size: SizeTerms, sweep: Sweep, pick: Recommendation) -> dict[str, Any]:
    """What is said of a size whatever the traffic is."""
    memory = size.memory_mb
    trust, why = _trust(size, pick, rests_on(size.calls, sweep)[0])
    row = next((row for row in sweep.sizes if row.memory_mb == memory), None)
    return {
        "named": size_named(memory, sweep),
        "mean": format_ms(size.duration_ms),
        "p95": _p95(memory, sweep, pick, row),
        "cold": _cold(row),
        "trust": trust,
        "why": why,
        "command": _command(memory, sweep, pick),
        "hint": _hint(memory, sweep),
        "spot": _spot(row),
    }


def _spot(row: SizeRow | None) -> dict[str, float] | None:
    """The place of a size in the chart of cost over duration; ``None`` if it is not there."""
    stats, cost = (None, None) if row is None else (row.warm.duration_ms, row.cost_usd_per_million)
    if stats is None or cost is None:
        return None
    return {"duration_ms": stats.mean, "cost": cost.mean}


def _trust(size: SizeTerms, pick: Recommendation, evidence: str) -> tuple[str, str]:
    """Confidence as a word, and its reason."""
    few = size.calls < VERIFIED or evidence != counted(size.calls, "call")
    calls = f"{'rests on' if few else 'verified by'} {evidence}"
    if pick.meets_slo is False:
        here = missed_words(pick) if size.memory_mb == pick.memory_mb else "the objectives"
        return "low", f"no size is likely to meet {here}; {calls}"
    if size.memory_mb == pick.memory_mb and pick.confidence is not None:
        word = next(word for least, word in _WORDS if not pick.confidence < least)
        word = _FAIR if word == _SURE and few else word
        chance = format_chance(pick.confidence)
        return word, "; ".join([f"{chance} {chance_of(pick)}", *_meets(pick), calls])
    if not size.verified:
        return "low", f"{calls} only, too few to rely on"
    return "fair", f"{calls}; not held against its rivals as closely as the recommended size"


def _meets(pick: Recommendation) -> Iterator[str]:
    """How likely it meets the objectives, where there are any."""
    if pick.slo and (chance := known(pick.meets_probability)) is not None:
        yield f"meets {listed(pick.slo)} with {format_probability(chance)}, whatever it costs"


def _p95(memory_mb: int, sweep: Sweep, pick: Recommendation, row: SizeRow | None) -> str:
    if memory_mb == pick.memory_mb and known(pick.p95_ms) is not None:
        return estimate(pick.p95_ms).value
    if (band := sweep.band) is not None and len(band.memory_mb):
        return estimate(float(np.interp(memory_mb, band.memory_mb, band.p95_ms))).value
    stats = None if row is None else row.warm.duration_ms
    return UNKNOWN if stats is None else format_ms(stats.p95)


def _cold(row: SizeRow | None) -> str:
    """The median cold start; ``not measured`` where there was none."""
    total = None if row is None else row.cold.total_ms
    return "not measured" if total is None else format_ms(total.p50)


def _stats(
    terms: WhatIf, shown: dict[int, dict[str, str]], now: int | None, bills: dict[int, float]
) -> Iterator[Stat]:
    """The figures of the pick beside those of the size now, where that was called."""
    pick = terms.pick_mb
    there, here = shown[pick], {} if now is None or now == pick else shown[now]
    costs = usd_per_million(terms, terms.cold_share)
    speed = {size.memory_mb: size.duration_ms for size in terms.sizes}
    dearer = slower = then = ""
    if here and now is not None:
        then = format_cost(bills[now])
        dearer, slower = changed(bills[pick] / bills[now]), changed(speed[pick] / speed[now])
    each = f"{format_cost(costs[pick])} per million calls, without logs"
    yield Stat("cost", "Cost a month", format_cost(bills[pick]), then, dearer, each)
    mean = here.get("mean", "")
    yield Stat("mean", "Mean duration", there["mean"], mean, slower, "warm calls, as measured")
    note = "estimated by the fitted curve" if "~" in there["p95"] else "as measured"
    note = f"on Lambda, {note}; callers wait longer"
    yield Stat("p95", "Duration, p95", there["p95"], here.get("p95", ""), "", note)
    yield Stat("cold", "Cold start", there["cold"], here.get("cold", ""), "", "INIT and first call")


def _command(memory_mb: int, sweep: Sweep, pick: Recommendation) -> str:
    """The command that comes next: more calls while the pick is not sure, otherwise what sets the
    size, on the function or in the file that declares it. Nothing declares a demo."""
    if _unsure(sweep):
        return shlex.join(_more_calls(sweep, pick))
    if memory_mb == sweep.current_mb or sweep.run.target.startswith(_DEMO):
        return ""
    if pick.meets_slo is False:
        return ""
    words = ["tuner", "apply", sweep.run.run]
    if memory_mb != pick.memory_mb:
        words += ["--memory", str(memory_mb)]
    if sweep.run.facts.backend is not Backend.AWS:
        words += ["--file", *_template(sweep.run.target)]
    return shlex.join(words)


def _unsure(sweep: Sweep) -> bool:
    """True where the pick may well change, and more calls can be made: not of a recording, and not
    where no size meets the objectives."""
    pick = sweep.recommendation
    if pick is None or pick.meets_slo is False or pick.calls_to_tell is None:
        return False
    return not sure(pick) and sweep.run.facts.backend is not Backend.REPLAY


def _more_calls(sweep: Sweep, pick: Recommendation) -> list[str]:
    """A sweep of the same question with the calls of this one, and those that it lacked."""
    made, options = sweep.spend.invocations, sweep.run.options
    calls = math.ceil((made + (pick.calls_to_tell or 0)) / 10) * 10
    words = ["tuner", "sweep", sweep.run.target]
    if isinstance(memory := options.get("memory"), str):
        words += ["--memory", memory]
    for text in pick.slo:
        words += ["--slo", text]
    if pick.strategy != "cost":
        words += ["--strategy", pick.strategy]
    if sweep.beside:
        words += ["--architectures", "both"]
    return [*words, *_as_before(options), "--invocations", str(calls)]


#: Options that the words above have already, and those that say how much is measured.
_SAID = {"target", "memory", "slo", "strategy", "architectures"}
_HOW_MUCH = {"method", "samples", "invocations", "max_cost", "max_time", "seed", "cross_check"}


def _as_before(stored: Mapping[str, Any]) -> Iterator[str]:
    """The run's other options as words, where they are not the usual ones. A run keeps of a secret
    only that there was one; it is left for the reader to fill in."""
    usual = SweepCommand("demo:io").stored()
    for name, each in options_of(SweepCommand).items():
        value = stored.get(name)
        if name in _SAID | _HOW_MUCH or value in (None, False, usual.get(name)):
            continue
        for one in value if isinstance(value, list) else [value]:
            hidden = isinstance(one, str) and one.startswith("sha256:")
            text = _FILL_IN if hidden else f"{one}={_FILL_IN}" if name == "env" else str(one)
            yield from (each.flag,) if one is True else (each.flag, text)


_FILL_IN = "..."


def _template(target: str) -> list[str]:
    """The template that a target names, and the function in it; ``TEMPLATE`` where it names
    none."""
    path, _, name = target.removeprefix("local:").partition("#")
    if not target.startswith("local:") or not path.lower().endswith(_TEMPLATES):
        return ["TEMPLATE"]
    return [path, "--resource", name] if name else [path]


def _hint(memory_mb: int, sweep: Sweep) -> str:
    if _unsure(sweep) and machine_was_busy(sweep.warnings):
        return "measures again: do so while no other program uses the machine"
    if _unsure(sweep):
        return "measures again, with the calls that would tell it from its rivals"
    if sweep.recommendation is not None and sweep.recommendation.meets_slo is False:
        return "nothing to change: no size is likely to meet the objectives"
    if memory_mb == sweep.current_mb:
        return "nothing to change: this is the current size"
    if sweep.run.target.startswith(_DEMO):
        return "none for a demo: sweep a function of your own"
    if sweep.run.facts.backend is Backend.AWS:
        return "asks before it changes anything; --undo takes it back, --file patches a template"
    return "shows what would change in the file that declares the function; --write changes it"


def _traffic(calls: float) -> str:
    """``52.6 million calls a month (20/s)``."""
    return f"{call_count(calls)} calls a month ({format_rate(calls / SECONDS_PER_MONTH)})"
