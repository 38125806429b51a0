"""Sweeps and loads as OpenMetrics text, read again by the rules of its specification."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.sweeps import (
    called,
    compared,
    empty,
    good,
    load_of_ten_seconds,
    under_load,
    whole_range,
)
from tuner.report.open_metrics import open_metrics
from tuner.report.sweep_document import document

EVIL = 'a "b"\\ \n# EOF'
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|\Z)')
_LINE = re.compile(r"([a-zA-Z_:][\w:]*)\{(.*)\} (\S+) (\d+\.\d{3})")


class Point(NamedTuple):
    name: str
    labels: tuple[tuple[str, str], ...]
    value: float
    at_s: float

    def label(self, name: str) -> str:
        return dict(self.labels)[name]


def read(text: str) -> list[Point]:
    """The points of a text; fails where the specification is broken."""
    *lines, end, nothing = text.split("\n")
    assert (end, nothing) == ("# EOF", "")
    points: list[Point] = []
    families: dict[str, dict[str, str]] = {}
    for line in lines:
        if line.startswith("# "):
            _, kind, name, told = line.split(" ", 3)
            family = families.setdefault(name, {})
            assert kind not in family and not any(point.name == name for point in points)
            family[kind] = told
            continue
        match = _LINE.fullmatch(line)
        assert match, line
        name, inside, value, at_s = match.groups()
        assert name == list(families)[-1] and families[name]["TYPE"] == "gauge"
        assert name.endswith(families[name].get("UNIT", ""))
        found = _LABEL.findall(inside)
        assert "".join(f'{k}="{v}",' for k, v in found).rstrip(",") == inside
        assert len({k for k, _ in found}) == len(found)
        assert math.isfinite(float(value))
        points.append(Point(name, tuple(found), float(value), float(at_s)))
    _in_order(points)
    return points


def _in_order(points: Iterable[Point]) -> None:
    """Points of one series stand together, and no time comes twice."""
    last: dict[tuple[str, object], float] = {}
    before = None
    for point in points:
        series = point.name, point.labels
        assert series == before or series not in last, series
        assert point.at_s > last.get(series, -1.0)
        last[series], before = point.at_s, series


def named(points: Iterable[Point], name: str) -> Iterator[Point]:
    return (point for point in points if point.name == name)


def test_a_sweep_has_each_size_and_its_answer() -> None:
    told = document(called())
    points = read(open_metrics(told))
    p95 = {
        point.label("memory_mb"): point.value
        for point in named(points, "tuner_sweep_duration_seconds")
        if point.label("quantile") == "0.95"
    }
    for size in told["sizes"]:
        assert p95[str(size["memory_mb"])] * 1000.0 == pytest.approx(
            size["warm"]["duration_ms"]["p95"]
        )
    [pick] = named(points, "tuner_sweep_recommended_megabytes")
    assert pick.value == 1024
    costs = list(named(points, "tuner_sweep_cost_per_million_usd"))
    assert {point.label("bound") for point in costs} == {"mean", "low", "high"}
    assert {dict(point.labels)["run"] for point in points} == {told["run"]}


@pytest.mark.parametrize("sweep", [good, whole_range, compared, under_load, empty])
def test_any_sweep_can_be_read_again(sweep: object) -> None:
    assert callable(sweep)
    read(open_metrics(document(sweep())))


def test_a_load_has_its_seconds_each_with_its_time() -> None:
    told = load_of_ten_seconds()
    points = read(open_metrics(told))
    sent = [p for p in named(points, "tuner_load_rate") if p.label("kind") == "sent"]
    assert [point.value for point in sent] == [row["sent"] for row in told["timeline"]]
    assert {b.at_s - a.at_s for a, b in pairwise(sent)} == {1.0}
    calls = {p.label("outcome"): p.value for p in named(points, "tuner_load_calls")}
    assert calls == told["outcomes"]
    [met] = named(points, "tuner_load_objective_met")
    assert (met.label("slo"), met.value) == ("throttles<1%", 0.0)


def test_a_run_without_a_known_time_has_no_points() -> None:
    unknown = {"started_at": None, "finished_at": None}
    for told in (document(called()), load_of_ten_seconds()):
        assert read(open_metrics({**told, **unknown})) == []
        begun = read(open_metrics({**told, "finished_at": None}))
        assert begun and min(point.at_s for point in begun) > 1e9


@given(text=st.text(max_size=40) | st.just(EVIL))
def test_any_name_is_a_label(text: str) -> None:
    points = read(open_metrics({**document(good()), "target": text}))
    shown = points[0].label("target")
    assert re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], shown) == text


def test_the_dashboard_asks_for_metrics_that_are_written() -> None:
    board = json.loads((Path(__file__).parents[3] / "docs/grafana.json").read_text())
    told = load_of_ten_seconds()
    points = read(open_metrics(document(called()))) + read(open_metrics(told))
    known: dict[str, set[str]] = {}
    for point in points:
        known.setdefault(point.name, set()).update(name for name, _ in point.labels)
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    for expr in asked:
        name, inside = re.fullmatch(r"(\w+)\{(.*)\}", expr).groups()
        assert {label for label, _ in re.findall(r'(\w+)=~?"([^"]*)"', inside)} <= known[name], expr
    for panel in board["panels"]:
        for target in panel["targets"]:
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert shown <= known[re.match(r"\w+", target["expr"])[0]], target
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) >= 8
