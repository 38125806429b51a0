"""A bench or a comparison as people read it: the answer, then a row for each gate.

Words results only; :mod:`tuner.report.terminal` prints the view.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from tuner.report.elements import (
    Answer,
    Cell,
    Fact,
    Row,
    Section,
    Table,
    View,
    gate_values,
    tone,
    verdict_word,
)
from tuner.suites.compare_charts import over_memory
from tuner.suites.judgement import SENSIBLE, Judgement, Verdict
from tuner.suites.result import (
    BenchResult,
    CaseResult,
    CaseState,
    CompareResult,
    Design,
    SizeResult,
)
from tuner.units import counted, format_change, format_memory, format_seconds, format_usd, listed

_TONES = {Verdict.REGRESSED: "bad", Verdict.CANNOT_TELL: "warn", None: "warn"}
#: What is done about too few calls of a suite.
_MOST = ": raise `most` in the suite, or widen the gate"
_Named = tuple[str, tuple[SizeResult, ...]]


def bench_view(result: BenchResult) -> View:
    """A whole bench: what is worse, or that nothing is, then every case."""
    headline, rest = _said([(case.name, case.sizes) for case in result.cases if case.sizes])
    warned = result.warn_only and result.verdict is Verdict.REGRESSED
    odd = [f"{c.name}: {c.state}" for c in result.cases if c.state is not CaseState.JUDGED]
    told = [
        *(["interrupted"] if result.interrupted else []),
        *([rest] if rest else []),
        *odd,
        *(["a warning only, as the suite asks"] if warned else []),
    ]
    facts = (Fact("Suite", _origin(result), f"bench {result.bench}"),)
    return View(
        name=result.suite,
        subtitle=_origin(result),
        title=f"{result.suite}: {headline}",
        question="Compared with before",
        answer=Answer(headline, "; ".join(told), _TONES.get(result.verdict, "good"), facts),
        sections=tuple(map(_case_section, result.cases)),
        warnings=tuple(warning.text for warning in result.warnings),
    )


def compare_view(result: CompareResult) -> View:
    """Two stored runs side by side."""
    sides = f"{result.after.label} against {result.before.label}"
    headline, rest = _said([("", result.sizes)])
    if result.functions is not None:  # no verdict is about a change of one of them
        told = f"{result.functions[1]} against {result.functions[0]}"
        rest = ": ".join(part for part in (told, headline.lower(), rest) if part)
        headline = "Two functions, not two versions of one"
    facts = (Fact("Compared", result.after.label, f"against {result.before.label}"),)
    return View(
        name="Comparison of two runs",
        subtitle=sides,
        title=f"{sides}: {headline}",
        question="Compared with before",
        answer=Answer(headline, rest, _TONES.get(result.verdict, "good"), facts),
        sections=(
            *_charts(result.sizes),
            Section(
                "Gates",
                tables=_tables(result.sizes),
                warnings=tuple(_notes(result.sizes, apart=not result.interleaved)),
            ),
        ),
        warnings=tuple(warning.text for warning in result.warnings),
    )


def _charts(sizes: tuple[SizeResult, ...]) -> Iterator[Section]:
    """Both runs over memory, on a page."""
    if figures := over_memory(sizes):
        yield Section("Duration and cost over memory", figures=figures, column=True)


def _said(judged: Iterable[_Named]) -> tuple[str, str]:
    """Regressions by name; otherwise how many gates are open, or that all hold."""
    rows = [
        (name, size.name, j) for name, sizes in judged for size in sizes
        for j in size.judgements
    ]  # fmt: skip
    worse = [row for row in rows if row[2].verdict is Verdict.REGRESSED]
    if worse:
        told = (f"{name + ' ' if name else ''}at {where}: {j.sentence}" for name, where, j in worse)
        return "Regressed", "; ".join(told)
    if not rows:
        return "Nothing was judged", ""
    found = Counter(j.verdict for _, _, j in rows)
    gates, open_ = counted(len(rows), "gate"), found.pop(Verdict.CANNOT_TELL, 0)
    counts = [f"{found[each]} {verdict_word(each)}" for each in reversed(Verdict) if found[each]]
    if open_:
        whole = open_ == len(rows)
        headline = f"Inconclusive in {gates if whole else f'{open_} of {gates}'}"
        return headline, ", ".join(counts)
    return f"No regression in {gates}", ", ".join(counts)


def _origin(result: BenchResult) -> str:
    where = f" in {result.environment}" if result.environment else ""
    origin = result.origin
    branch = f", branch {origin.branch}" if origin.branch else ""
    commit = f" at {origin.commit[:10]}" if origin.commit else ""
    changed = ", with uncommitted changes" if origin.changed else ""
    return f"{result.suite}{where}{branch}{commit}{changed}"


def _case_section(case: CaseResult) -> Section:
    reason = () if case.reason is None else (f"{case.state}: {case.reason}",)
    warnings = tuple(warning.text for warning in case.warnings)
    notes = _notes(case.sizes, _MOST, apart=case.design is Design.BASELINE)
    return Section(
        case.name,
        lead=f"{case.name}: {_about(case)}",
        tables=_tables(case.sizes, f"{case.name} "),
        warnings=(*reason, *notes, *warnings),
    )


def _about(case: CaseResult) -> str:
    told = case.target
    if case.before is not None and case.after is not None:
        how = "called in turn" if case.design is Design.INTERLEAVED else "measured before"
        how += " in a bad moment" if case.before.doubts else ""
        told = f"{case.after.label} against {case.before.label}, {how}"
        if case.after.label != case.target:
            told = f"{case.target}, {told}"
    spend = case.spend
    cost = "" if spend.cost_usd is None else f", {format_usd(spend.cost_usd)}"
    return f"{told} ({spend.invocations:,} calls{cost}, {format_seconds(spend.seconds)})"


def _tables(sizes: Iterable[SizeResult], whose: str = "") -> tuple[Table, ...]:
    """A table for each size with its verdicts."""
    return tuple(_table(size, whose) for size in sizes if size.judgements)


def _table(size: SizeResult, whose: str) -> Table:
    most = max(size.judgements, key=lambda j: j.calls)
    first = {j.gate.text: j for j in size.first or ()}
    rows = tuple(_row(j, first.get(j.gate.text)) for j in size.judgements)
    caption = f"{whose}at {size.name}, {_calls(most)} calls"
    return Table(caption, ("Gate", "Verdict", "Change", "Before → after"), rows, note=caption)


def _row(j: Judgement, first: Judgement | None) -> Row:
    word = verdict_word(j.verdict)
    shown = tone(word)
    if first is not None and first.verdict is Verdict.REGRESSED is not j.verdict:
        word = f"{word}; {verdict_word(first.verdict)} was not confirmed"
    values = gate_values(j.measure, j.before, j.after, j.gate.limit)
    before, after = (each.replace(" per million", "/M") for each in values)
    if j.gate.limit is not None:
        kept = {Verdict.SAME: "met", Verdict.REGRESSED: "missed"}.get(j.verdict, word)
        return Row(j.gate.text, (Cell(kept, tone=shown), Cell(""), Cell(after)))
    moved = "" if j.ratio is None else format_change(j.ratio)
    if j.low is not None and j.high is not None:
        low, high = (format_change(end).removesuffix(" %") for end in (j.low, j.high))
        moved = f"{moved} ({low} to {high})"
    cells = Cell(word, tone=shown), Cell(moved), Cell(f"{before} → {after}")
    return Row(j.gate.text, cells)


def _notes(sizes: Iterable[SizeResult], most: str = "", *, apart: bool) -> Iterator[str]:
    """Remarks on the machine's drift, and on what would settle inconclusive gates; sides that were
    called ``apart`` differ by what runs differ by, too."""
    for size in sizes:
        where = f"at {format_memory(size.memory_mb)}"
        drifts: dict[str, list[str]] = {}
        for j in size.judgements:
            if j.control_ratio:
                drifts.setdefault(format_change(j.control_ratio), []).append(j.measure)
        if drifts:
            several = (f"{moved} ({listed(of)})" for moved, of in drifts.items())
            told = ", ".join(drifts if len(drifts) == 1 else several)
            left = any(j.left_open_by_drift for j in size.judgements)
            end = "`--against` decides in one run" if left else "verdicts hold all the same"
            yield f"{where}: the machine drifted by {told} between the runs; {end}"
        yield from (f"{where}: {told}" for told in _again(size))
        yield from (f"{where}: {told}" for told in _wanted(size, most, apart))


def _again(size: SizeResult) -> Iterator[str]:
    """Which rows are of the fresh run that judged again what had regressed, and of how many calls:
    the table's caption counts those of the first."""
    first = {j.gate: j for j in size.first or ()}
    found: dict[str, list[str]] = {}
    for j in size.judgements:
        was = first.get(j.gate, j)
        if (was.calls, was.after) != (j.calls, j.after):
            name = j.measure if j.gate.limit is None else j.gate.text
            found.setdefault(_calls(j), []).append(name)
    for calls, names in found.items():
        be, them = ("is", "it") if len(names) == 1 else ("are", "them")
        yield f"{listed(names)} {be} of {calls} calls of a fresh run, which judged {them} again"


def _calls(of: Judgement) -> str:
    return f"{of.calls[1]}" if of.gate.limit else f"{of.calls[0]} + {of.calls[1]}"


#: Why calls do not settle what was measured in two runs, and what does.
_APART = ", since runs of the same code may differ by more; `tuner bench --against` compares in one"


def _wanted(size: SizeResult, most: str, apart: bool) -> Iterator[str]:
    """Calls that would settle inconclusive gates, and where their number is set."""
    left = [j for j in size.judgements if j.verdict is Verdict.CANNOT_TELL]
    wanted = {j.measure: j.enough for j in left if j.enough}
    few = [j.measure for j in left if j.untold]
    some = [m for m, calls in wanted.items() if calls <= SENSIBLE and m not in few]
    rest = [m for m in wanted if m not in few and m not in some]
    if few:
        least = max(wanted[measure] for measure in few)
        yield f"it takes at least {least:,} calls per side to tell {listed(few)}{most}"
    if some:
        calls = max(wanted[measure] for measure in some)
        yield f"about {calls:,} calls per side would settle {listed(some)}{most}"
    if rest:
        be = "is" if len(rest) == 1 else "are"
        yield f"{listed(rest)} {be} too noisy for any practical number of calls: widen the gate"
    compared = [j for j in left if j.ratio is not None and j.gate.limit is None]
    stuck = [j.measure for j in compared if not j.enough and not j.left_open_by_drift]
    if stuck:
        yield f"more calls alone would not settle {listed(stuck)}{_APART if apart else ''}"
