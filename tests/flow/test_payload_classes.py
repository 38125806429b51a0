"""Weighted payloads that need different sizes, from their file to the answer of the stored run."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.commands import Run
from tuner.engine.batches import MOST_CLASSES, weights_of
from tuner.errors import UsageError
from tuner.options.commands import SweepCall
from tuner.options.payloads import read_payloads
from tuner.store.runs import Store

#: Waits without any CPU: 20 ms at every size, or 0.8 s at 128 MB and 0.1 s at 1,024 MB.
WAITING = """
import os, time
def handler(event, context):
    size = int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
    time.sleep(0.8 * 128 / size if event["big"] else 0.02)
"""
MIX = '[{"name": "order", "weight": 4, "payload": {"big":0}}, {"weight": 3, "payload": {"big":1}}]'
WORDS = ("--payloads", MIX, "--seed", "5", "--rate", "10", "--duration", "1s", "--cold", "0")
GRID = ("--memory", "128,512,1024", "--method", "grid", "--samples", "16", "-q")


@pytest.mark.slow
def test_each_payload_has_rows_a_curve_and_its_own_best_size(
    tuner: Run, new_function: Any, local_lambda_url: str
) -> None:
    where = (new_function(WAITING), "--endpoint-url", local_lambda_url, "--region", "eu-west-1")
    code, _, err = tuner("sweep", *where, *GRID, *WORDS, "--json", "out.json")
    assert code == 0, err
    told = json.loads(Path("out.json").read_text())
    order, second = told["payloads"]
    assert (order["name"], order["weight"], order["best_memory_mb"]) == ("order", 4.0, 128)
    assert (second["name"], second["weight"], second["best_memory_mb"]) == ("2", 3.0, 1024)
    assert order["model"] != second["model"]
    for size, *of_size in zip(told["sizes"], order["sizes"], second["sizes"], strict=True):
        assert {each["memory_mb"] for each in of_size} == {size["memory_mb"]}
        assert sum(each["warm"]["n"] for each in of_size) == size["warm"]["n"] >= 16
    assert {size["load"]["calls"] for size in told["sizes"] if size["load"]} == {10}
    with Store.open(create=False) as store:
        samples = store.samples(told["run"])
    assert {(s.payload, s.setting.payload_class) for s in samples} == {(0, "order"), (1, "2")}

    code, out, err = tuner("recommend", "last", "--output", "again", "--json", "again.json")
    assert code == 0, err
    assert json.loads(Path("again.json").read_text())["payloads"] == told["payloads"]
    assert "order (weight 4): 128 MB; payload 2 (weight 3): 1,024 MB." in out
    page = next(Path("again").rglob("*.html")).read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert 'payload 2 at 1,024 MB <span class="mark ">its best' in page


def test_payloads_of_one_name_are_one_class_and_too_many_are_not_told_apart() -> None:
    def weights(*names: str) -> dict[str, float]:
        mix = json.dumps([{"name": name, "payload": {}} for name in names])
        return weights_of(read_payloads(SweepCall.made("demo:cpu", payloads=mix)))

    assert weights("a", "b", "a") == {"a": 2.0, "b": 1.0}
    assert weights("a") == weights(*map(str, range(MOST_CLASSES + 1))) == {}
    with pytest.raises(UsageError, match="item 2 has a name that is not text"):
        weights("a", "two\nlines")
