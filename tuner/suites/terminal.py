"""A bench or a comparison as people read it in a terminal: a row per gate, and what it means.

Reads results and prints; wording of single verdicts is :mod:`tuner.suites.judgement`'s.
"""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tuner.suites.judgement import SENSIBLE, Judgement, Verdict, change, quantity
from tuner.suites.result import (
    BenchResult,
    CaseResult,
    CaseState,
    CompareResult,
    Design,
    SizeResult,
)
from tuner.units import format_memory, format_seconds, format_usd

_STYLES = {
    Verdict.REGRESSED: "bold red",
    Verdict.IMPROVED: "green",
    Verdict.SAME: "green",
    Verdict.CANNOT_TELL: "yellow",
}


def print_bench(result: BenchResult, console: Console) -> None:
    """The whole bench."""
    console.print(Text(_head(result)), soft_wrap=True)
    for case in result.cases:
        console.print()
        _print_case(case, console)
    console.print()
    for warning in result.warnings:
        console.print(Text(f"note: {warning.text}", "yellow"), soft_wrap=True)
    console.print(Text(headline(result), _headline_style(result)), soft_wrap=True)


def print_compare(result: CompareResult, console: Console) -> None:
    """Two runs side by side."""
    console.print(Text(f"{result.after.label} against {result.before.label}"), soft_wrap=True)
    _print_sizes(result.sizes, console)
    for warning in result.warnings:
        console.print(Text(f"note: {warning.text}", "yellow"), soft_wrap=True)
    console.print(Text(compared(result), _STYLES[result.verdict]), soft_wrap=True)


def compared(result: CompareResult) -> str:
    """The answer of a comparison in a sentence."""
    return _said([("", result.sizes)]) or "Nothing to compare."


def headline(result: BenchResult) -> str:
    """The answer in one sentence or two: what is worse, or that nothing is."""
    judged = [(case.name, case.sizes) for case in result.cases if case.sizes]
    said = _said(judged)
    odd = [case for case in result.cases if case.state is not CaseState.JUDGED]
    rest = " ".join(f"{case.name}: {case.state}." for case in odd)
    if result.interrupted:
        rest = f"Interrupted. {rest}".strip()
    if result.warn_only and result.verdict is Verdict.REGRESSED:
        rest = f"{rest} Only warned, as was asked for.".strip()
    return f"{said} {rest}".strip() or "Nothing was judged."


def _said(judged: Iterable[tuple[str, tuple[SizeResult, ...]]]) -> str:
    """Regressions by name; otherwise how many gates hold and how many cannot be told."""
    rows = [
        (name, size.memory_mb, j) for name, sizes in judged for size in sizes
        for j in size.judgements
    ]  # fmt: skip
    worse = [row for row in rows if row[2].verdict is Verdict.REGRESSED]
    if worse:
        told = "; ".join(
            f"{name + ' ' if name else ''}at {format_memory(mb)}: {j.sentence}"
            for name, mb, j in worse
        )
        return f"Regressed: {told}."
    open_ = sum(j.verdict is Verdict.CANNOT_TELL for _, _, j in rows)
    better = sum(j.verdict is Verdict.IMPROVED for _, _, j in rows)
    if not rows:
        return ""
    parts = [f"{len(rows) - open_ - better} the same" if len(rows) - open_ - better else ""]
    parts += [f"{better} better" if better else "", f"{open_} cannot be told" if open_ else ""]
    many = "gate" if len(rows) == 1 else "gates"
    return f"No regression in {len(rows)} {many}: {', '.join(p for p in parts if p)}."


def _head(result: BenchResult) -> str:
    where = f" in {result.environment}" if result.environment else ""
    origin = result.origin
    branch = f", branch {origin.branch}" if origin.branch else ""
    commit = f" at {origin.commit[:10]}" if origin.commit else ""
    changed = ", with uncommitted changes" if origin.changed else ""
    return f"Bench {result.bench}: suite {result.suite}{where}{branch}{commit}{changed}"


def _print_case(case: CaseResult, console: Console) -> None:
    console.print(Text.assemble((case.name, "bold"), f"  {_about(case)}"), soft_wrap=True)
    if case.reason is not None:
        style = "red" if case.state in (CaseState.FAILED, CaseState.REFUSED) else "yellow"
        console.print(Text(f"  {case.state}: {case.reason}", style), soft_wrap=True)
    _print_sizes(case.sizes, console)
    for warning in case.warnings:
        console.print(Text(f"  note: {warning.text}", "yellow"), soft_wrap=True)


def _about(case: CaseResult) -> str:
    told = case.target
    if case.before is not None and case.after is not None:
        how = "called in turn" if case.design is Design.INTERLEAVED else "stored before"
        told = f"{case.after.label} against {case.before.label}, {how}"
        if case.after.label != case.target:
            told = f"{case.target}: {told}"
    spend = case.spend
    cost = "" if spend.cost_usd is None else f", {format_usd(spend.cost_usd)}"
    return f"{told} ({spend.invocations:,} calls{cost}, {format_seconds(spend.seconds)})"


def _print_sizes(sizes: Iterable[SizeResult], console: Console) -> None:
    """A table for each size with its verdicts, and how many calls would settle what is open."""
    for size in sizes:
        if not size.judgements:
            continue
        most = max(size.judgements, key=lambda j: j.calls)
        sides = f"{most.calls[1]} calls" if most.gate.slo else f"{most.calls[0]} + {most.calls[1]}"
        console.print(
            Text(f"  {format_memory(size.memory_mb)}, {sides.removesuffix(' calls')} calls")
        )
        console.print(_table(size))
        drift = {j.gate.text: j.control_ratio for j in size.judgements if j.control_ratio}
        if drift:
            told = ", ".join(sorted({change(ratio) for ratio in drift.values()}))
            console.print(Text(f"  the control changed by {told}, which is taken out"))
        for told in _wanted(size):
            console.print(Text(f"  {told}", "yellow"), soft_wrap=True)


def _wanted(size: SizeResult) -> list[str]:
    """What would settle that which cannot be told."""
    open_ = [j for j in size.judgements if j.verdict is Verdict.CANNOT_TELL and j.enough]
    some = {j.measure: j.enough for j in open_ if j.enough and j.enough <= SENSIBLE}
    rest = [j.measure for j in open_ if j.measure not in some]
    told = []
    if some:
        most = max(some.values())
        told.append(f"about {most:,} calls a side would settle {' and '.join(some)}")
    if rest:
        named = " and ".join(rest)
        told.append(f"no sensible number of calls would settle {named}: widen the gate")
    return told


def _table(size: SizeResult) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column("", width=1)
    for _ in ("gate", "verdict"):
        table.add_column(no_wrap=True)
    for _ in ("change", "between", "values"):
        table.add_column(justify="right", no_wrap=True)
    first = {j.gate.text: j for j in size.first or ()}
    for judged in size.judgements:
        table.add_row("", *_row(judged, first.get(judged.gate.text)))
    return table


def _row(j: Judgement, first: Judgement | None) -> tuple[str | Text, ...]:
    """Gate, verdict, change, the interval, and both values."""
    word = str(j.verdict)
    if first is not None and first.verdict is Verdict.REGRESSED is not j.verdict:
        word = f"{word}: not confirmed"
    after = _brief(j, j.after)
    if j.gate.slo is not None:
        kept = {Verdict.SAME: "kept", Verdict.REGRESSED: "missed"}
        return j.gate.text, Text(kept.get(j.verdict, word), _STYLES[j.verdict]), "", "", after
    between = ""
    if j.low is not None and j.high is not None:
        between = f"{change(j.low).removesuffix(' %')} to {change(j.high)}"
    moved = "" if j.ratio is None else change(j.ratio)
    values = f"{_brief(j, j.before)} → {after}"
    return j.gate.text, Text(word, _STYLES[j.verdict]), moved, between, values


def _brief(j: Judgement, value: float | None) -> str:
    return quantity(j.gate.subject, value).replace(" per million", "/M")


def _headline_style(result: BenchResult) -> str:
    if result.verdict is None:
        return "yellow"
    return _STYLES[result.verdict]
