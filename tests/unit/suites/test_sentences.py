"""What a bench and a comparison say is held against their documents, in every output: each verdict
against the values beside it, and each number against the figures."""

import io
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from support.benches import BASE, RUN
from support.examples import examples
from support.told import unknown, words
from tuner.model.comparison import Counted, Measured
from tuner.outputs.lines import lines
from tuner.outputs.markdown import markdown, slack
from tuner.outputs.programs import bencher, junit, webhook
from tuner.report.elements import verdict_word
from tuner.report.page import render
from tuner.report.terminal import print_view
from tuner.suites.document import bench_document, compare_document
from tuner.suites.gate import parse_gate
from tuner.suites.judgement import Judgement, Rules, Verdict
from tuner.suites.result import (
    BenchResult,
    CaseResult,
    CaseSpend,
    CaseState,
    CompareResult,
    Design,
    Origin,
    SideOf,
    SizeResult,
)
from tuner.suites.side import Pair, Side
from tuner.suites.verdict import confirmed, judge_all
from tuner.suites.view import bench_view, compare_view

GATES = tuple(
    map(
        parse_gate,
        (
            *("p50 +10%", "p95 +2%", "mean +0.5%", "cost_per_million +5%", "errors +1%"),
            *("throttles", "p95<300ms", "cost<2usd/million", "errors<2%"),
        ),
    )
)


@dataclass(frozen=True)
class Drawn:
    """Two sides of one size: durations around two levels, failures, maybe a control that drifts."""

    seed: int
    level: float
    change: float
    spread: float
    calls: tuple[int, int]
    failed: tuple[int, int]
    drift: float | None

    def pair(self, again: int = 0) -> Pair:
        rng = np.random.default_rng((self.seed, again))
        levels = self.level, self.level * self.change
        before, after = (
            self._side(rng, level, calls, failed)
            for level, calls, failed in zip(levels, self.calls, self.failed, strict=True)
        )
        if self.drift is None:
            return Pair(before, after, interleaved=True)
        control = (self._side(rng, level, 60, 0) for level in (30.0, 30.0 * self.drift))
        then, now = control
        return Pair(before.without_rounds(), after.without_rounds(), False, (then, now))

    def _side(self, rng: np.random.Generator, level: float, calls: int, failed: int) -> Side:
        values = level * np.exp(self.spread * rng.standard_normal(calls))
        return Side(
            duration_ms=Measured.of(values, np.arange(calls)),
            cost_usd=Measured.of(np.ceil(values) * 1e-8 + 2e-7, np.arange(calls)),
            throttles=Counted(0, calls),
            errors=Counted(min(failed, calls), calls),
        )


DRAWN = st.builds(
    Drawn,
    seed=st.integers(0, 1000),
    level=st.floats(-0.5, 3.5).map(lambda x: 10.0**x),
    change=st.one_of(st.floats(0.7, 1.5), st.floats(0.995, 1.02), st.just(1.0)),
    spread=st.sampled_from([0.0005, 0.02, 0.3]),
    calls=st.tuples(st.sampled_from([2, 30, 400]), st.sampled_from([2, 30, 400])),
    failed=st.tuples(st.integers(0, 3), st.integers(0, 30)),
    drift=st.sampled_from([None, 1.0, 1.3, 0.9]),
)


def size_of(drawn: Drawn, memory_mb: int = 512) -> SizeResult:
    """Judged, and what alarmed judged again, as a bench does."""
    rules = Rules(gates=len(GATES))
    first = judge_all(GATES, drawn.pair(), rules)
    if not any(j.verdict is Verdict.REGRESSED for j in first):
        return SizeResult(memory_mb, first)
    again = judge_all(GATES, drawn.pair(again=1), rules)
    return SizeResult(memory_mb, confirmed(first, again), first)


def bench_of(*drawn: Drawn) -> BenchResult:
    sizes = tuple(size_of(each, 512 * n) for n, each in enumerate(drawn, 1))
    case = CaseResult(
        "checkout", "orders", CaseState.JUDGED, Design.INTERLEAVED,
        before=SideOf("git:0000001", BASE, "0000001aaaa"), after=SideOf("git:abc1234", RUN, "abc1"),
        sizes=sizes, spend=CaseSpend(400, 0.01, 3.0),
    )  # fmt: skip
    return BenchResult(
        "01JDT", "nightly", None, Origin("main", "abc1234ffff"), 1, 1e9, 1e9 + 65, (case,)
    )


def printed(view: Any) -> str:
    file = io.StringIO()
    print_view(view, Console(file=file, width=300))
    return file.getvalue()


_UNITS = {"ms": 1.0, "s": 1000.0, "%": 1.0, "per million": 1.0, "/M": 1.0}
_VALUE = r"\$?[\d.,]+ (?:ms|s|%|per million)|\$[\d.,]+/M"
_CHANGE = r"[+-]?[\d,.]+ %"
_COMPARED = re.compile(
    r"\S+ is (?P<word>slower|faster|higher|lower|inconclusive"
    r"|unchanged within (?P<within>[\d.]+) %): "
    rf"(?P<change>{_CHANGE})(?: \((?P<low>{_CHANGE}) to (?P<high>{_CHANGE})\))?, "
    rf"(?P<before>{_VALUE}) -> (?P<after>{_VALUE})(?:; .*)?"
)


def value(text: str) -> float:
    """A value as it is shown, in ms, USD or per cent."""
    number, unit = re.fullmatch(r"\$?([\d.,]+) ?(.*)", text).groups()  # type: ignore[union-attr]
    return float(number.replace(",", "")) * _UNITS[unit]


def percent(text: str) -> float:
    return float(text.removesuffix(" %").replace(",", ""))


def rounding(text: str) -> float:
    """Half of the last digit that is shown, in the value's own unit."""
    number, unit = re.fullmatch(r"\$?([\d.,]+) ?(.*)", text).groups()  # type: ignore[union-attr]
    return 0.5 * 10.0 ** -len(number.partition(".")[2]) * _UNITS[unit] * 1.001


def check_change(said: re.Match[str]) -> None:
    """The change is that of the values, its interval holds it, and the verdict says no other."""
    text, change = said[0], percent(said["change"])
    before, after = value(said["before"]), value(said["after"])
    off = rounding(said["before"]), rounding(said["after"])
    least, most = (
        (after - off[1]) / (before + off[0]),
        (after + off[1]) / max(1e-9, before - off[0]),
    )
    digit = 0.051 if abs(change) < 10.0 else 0.51
    assert 100.0 * least - 100.0 - digit <= change <= 100.0 * most - 100.0 + digit, text
    low, high = (percent(said[end] or said["change"]) for end in ("low", "high"))
    assert low <= change <= high, text
    if said["word"] in ("slower", "higher"):
        assert after > before and low >= 0.0, text
    if said["word"] in ("faster", "lower"):
        assert after < before and high <= 0.0, text
    if said["within"]:
        assert -percent(said["within"]) <= low and high <= percent(said["within"]), text


def check_sentence(j: Judgement) -> None:
    """A sentence's verdict, change and values agree as they are shown."""
    said = j.sentence
    if "no values" in said:
        assert j.verdict is Verdict.CANNOT_TELL
    elif j.gate.limit is not None:
        limit = j.gate.limit * (100.0 if j.gate.subject.share else 1.0)
        [[word, after]] = re.findall(rf" is (met|missed|inconclusive): ({_VALUE}) over ", said)
        assert word == "inconclusive" or (value(after) < limit) is (word == "met"), said
    elif j.gate.subject.share:
        [[before, after]] = re.findall(rf": ({_VALUE}) -> ({_VALUE})", said)
        assert " rose:" not in said or value(after) > value(before), said
        assert " fell:" not in said or value(after) < value(before), said
    else:
        told = _COMPARED.fullmatch(said)
        assert told, said
        check_change(told)


@examples(40)
@given(DRAWN)
def test_a_verdict_agrees_with_the_values_that_are_shown(drawn: Drawn) -> None:
    for j in size_of(drawn).judgements:
        check_sentence(j)


@examples(8)
@given(DRAWN, DRAWN)
def test_every_output_of_a_bench_says_what_the_document_has(one: Drawn, other: Drawn) -> None:
    result = bench_of(one, other)
    document = bench_document(result)
    gates = [gate for size in document["cases"][0]["sizes"] for gate in size["gates"]]
    counts = Counter(gate["verdict"] for gate in gates)
    # Programs.
    root = ElementTree.fromstring(junit(document))
    messages = [test.findtext("system-out") for test in root.iter("testcase")]
    assert sorted(map(str, messages)) == sorted(gate["sentence"] for gate in gates)
    assert int(root.attrib["failures"]) == counts[Verdict.REGRESSED]
    assert int(root.attrib["skipped"]) == counts[Verdict.CANNOT_TELL]
    changed = [gate["gate"] for gate in webhook(document)["changed_gates"]]
    assert len(changed) == counts[Verdict.REGRESSED] + counts[Verdict.IMPROVED]
    for name, metrics in bencher(document).items():
        for metric in metrics.values():
            assert metric.get("lower_value", -1) <= metric.get("upper_value", 1e99), name
    # People: a row for each gate, with its values, and counts that add up.
    text = markdown(document)
    for line in lines(document):
        row = f"| {line.before} | {line.after} | {line.change} |"
        assert row in text
        if line.change and (pair := _COMPARED.fullmatch(line.sentence)) is not None:
            assert (pair["before"], pair["after"]) == (line.before, line.after)
            assert line.change.startswith(pair["change"])
    told = {verdict: f"{count} {verdict_word(verdict)}" for verdict, count in counts.items()}
    assert all(each in text.splitlines()[0] for each in told.values())
    seen = printed(bench_view(result))
    many = len(gates), counts[Verdict.CANNOT_TELL], len(counts)
    for said in (text, seen, *(block_text(block) for block in slack(document)["blocks"])):
        assert not unknown(said, document, *counts.values(), *many, *calls_of(gates)), said


def block_text(block: dict[str, Any]) -> str:
    return str(block["text"]["text"]) if "text" in block else block["elements"][0]["text"]


def calls_of(gates: list[dict[str, Any]]) -> list[float]:
    return [float(count) for gate in gates for count in gate["calls"].values()]


@examples(8)
@given(DRAWN)
def test_a_comparison_says_the_same_in_the_terminal_on_its_page_and_in_json(drawn: Drawn) -> None:
    sides = SideOf("old (01A)", BASE), SideOf("new (01B)", RUN)
    result = CompareResult(*sides, interleaved=False, sizes=(replace(size_of(drawn), first=None),))
    document, view = compare_document(result), compare_view(result)
    [size] = document["sizes"]
    gates, seen, page = size["gates"], printed(view), words(render(view))
    worse = [gate["sentence"] for gate in gates if gate["verdict"] == Verdict.REGRESSED]
    assert all(sentence in seen for sentence in worse)
    assert seen.startswith("Regressed") is bool(worse)
    [table] = view.sections[0].tables
    for row, gate in zip(table.rows, gates, strict=True):
        for cell in row.cells:
            assert cell.value in seen or not cell.value
            assert not unknown(cell.value, gate)
        assert row.head in page
        assert all(cell.value in page for cell in row.cells)
    counts = Counter(gate["verdict"] for gate in gates)
    many = len(gates), *counts.values(), *calls_of(gates)
    assert not unknown(seen, document, *many), seen
