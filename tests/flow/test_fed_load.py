"""A load whose payloads are rows of a table, in order or each once."""

import json
import textwrap
from collections import Counter
from pathlib import Path

import pytest

from support.commands import Run

#: Fails with the payload's id, so that the load's own figures tell which rows were sent.
HANDLER = """
    def handler(event, context):
        raise type("Row" + str(event["id"]), (Exception,), {})("sent")
"""


@pytest.fixture(autouse=True)
def _function_and_rows() -> None:
    Path("fn").mkdir()
    Path("fn/app.py").write_text(textwrap.dedent(HANDLER))
    Path("rows.csv").write_text("id\n" + "\n".join(str(n) for n in range(6)) + "\n")


def sent(tuner: Run, *words: str) -> tuple[Counter[str], str]:
    """How often each row was sent, by the stored samples; and what was said."""
    command = ("load", "local:fn", "--payloads", "rows.csv", "--memory", "1769", "--json", "l.json")
    _, _, err = tuner(*command, *words)
    assert tuner("runs", "export", "last", "run.jsonl")[0] == 0
    lines = [json.loads(line) for line in Path("run.jsonl").read_text().splitlines()]
    samples = [line["sample"] for line in lines if "sample" in line]
    load = [sample for sample in samples if sample["purpose"] == "load"]
    return Counter(str(sample["reason"]) for sample in load), err


@pytest.mark.parametrize("how", [("--rate", "12"), ("--users", "2", "--think", "50ms")])
def test_rows_are_sent_in_turn(tuner: Run, how: tuple[str, ...]) -> None:
    found, _ = sent(tuner, *how, "--duration", "1s", "--payload-order", "sequential")
    assert set(found) == {f"Row{n}" for n in range(6)}
    assert max(found.values()) - min(found.values()) <= 1


def test_unique_rows_are_sent_once_and_then_the_users_end(tuner: Run) -> None:
    found, _ = sent(tuner, "--users", "2", "--duration", "30s", "--payload-order", "unique")
    assert found == {f"Row{n}": 1 for n in range(6)}


def test_too_few_unique_rows_for_a_rate_are_refused_before(tuner: Run) -> None:
    words = ("--payloads", "rows.csv", "--payload-order", "unique", "--rate", "20")
    code, _, err = tuner("load", "local:fn", *words, "--duration", "1s")
    assert code == 2 and "6 payloads are too few for 20 calls" in err


def test_an_order_and_a_locustfile_do_not_go_together(tuner: Run) -> None:
    Path("locustfile.py").write_text("from tuner.engine.worker import LambdaUser\n")
    words = ("--payload-order", "unique", "--locustfile", "locustfile.py")
    code, _, err = tuner("load", "local:fn", *words, "--users", "1", "--duration", "1s")
    assert code == 2 and "--locustfile" in err
