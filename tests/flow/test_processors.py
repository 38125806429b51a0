"""``--pre`` and ``--post`` of loads and sweeps, on the local Lambda."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.commands import Run
from tuner.store.runs import Store

pytestmark = pytest.mark.slow

ARN = "arn:aws:lambda:eu-west-1:000000000000:function:"


LOAD = ("--rate", "10", "--duration", "1s")
#: Fails unless its pre-processor gave it its payload.
STRICT = "def handler(e, c): return {'order': e['order']}"


def test_a_load_has_each_call_prepared_and_its_answer_looked_at(
    tuner: Run, new_function: Any, place: tuple[str, ...]
) -> None:
    name = new_function(STRICT)
    pre = 'echo "{\\"order\\": $TUNER_CALL}"'
    post = 'cat >> answers; echo " $TUNER_CALL $TUNER_OUTCOME $TUNER_STATUS" >> answers'
    code, out, err = tuner("load", name, *place, *LOAD, "--pre", pre, "--post", post)
    assert code == 0, err
    told = json.loads(out)
    assert told["outcomes"]["ok"] == 10
    seen = sorted(Path("answers").read_text().splitlines())
    assert len(seen) == 10
    assert '{"order": 3} 3 ok 200' in seen
    assert [
        (each["kind"], each["name"], each["runs"], each["failed"])
        for each in told["load"]["processors"]
    ] == [("pre", pre, 10, 0), ("post", post, 10, 0)]
    page = Path(told["report"]).read_text()
    assert "Before each call" in page
    assert "10 times; not part of any time" in page


def test_failures_of_processors_are_counted_and_named(
    tuner: Run, new_function: Any, place: tuple[str, ...]
) -> None:
    name = new_function("def handler(e, c): pass")
    pre = "if [ $TUNER_CALL = 4 ]; then echo empty shop >&2; exit 2; fi"
    post = "test $TUNER_CALL -gt 1"
    code, out, err = tuner("load", name, *place, *LOAD, "--pre", pre, "--post", post)
    assert code == 0, err
    told = json.loads(out)
    assert (told["calls"], told["dropped"], told["outcomes"]["ok"]) == (9, 1, 9)
    warnings = {each["code"]: each["text"] for each in told["warnings"]}
    assert "failed 1 of 10 times, and the calls were not sent" in warnings["pre-processor-failed"]
    assert "exit code 2: empty shop" in warnings["pre-processor-failed"]
    assert "failed 2 of 9 times: exit code 1" in warnings["post-processor-failed"]


def test_a_load_whose_pre_processor_never_works_fails_and_names_it(
    tuner: Run, new_function: Any, place: tuple[str, ...]
) -> None:
    name = new_function("def handler(e, c): pass")
    load = ("--users", "2", "--duration", "1m", "--pre", "no-such-command")
    code, out, err = tuner("load", name, *place, *load)
    assert (code, out) == (1, "")
    assert "pre-processor no-such-command: failed 10 times in a row: exit code 127" in err
    assert len(err.splitlines()) <= 2


def test_functions_of_the_user_and_on_lambda_are_processors_too(
    tuner: Run, new_function: Any, place: tuple[str, ...]
) -> None:
    name = new_function(STRICT)
    prepare = new_function("def handler(e, c): return {'order': e['n'] + 1}")
    Path("shop.py").write_text(
        "seen = []\ndef look(answer):\n    assert answer == {'order': 8}\n    seen.append(1)\n"
    )
    words = ("--payload", '{"n": 7}', "--pre", f"{ARN}{prepare}", "--post", "shop:look")
    code, out, err = tuner("load", name, *place, *LOAD, *words)
    assert code == 0, err
    told = json.loads(out)
    assert told["outcomes"]["ok"] == 10
    assert [each["failed"] for each in told["load"]["processors"]] == [0, 0]
    bad = new_function("def handler(e, c): raise KeyError('shop')")
    code, _, err = tuner("load", name, *place, *LOAD, "--pre", f"aws:{bad}")
    assert code == 1
    assert "failed: KeyError: 'shop'" in err


def test_a_sweep_prepares_and_looks_around_each_call_in_turn(
    tuner: Run, new_function: Any, place: tuple[str, ...]
) -> None:
    name = new_function(STRICT)
    grid = ("--method", "grid", "--memory", "128,256", "--samples", "2", "--cold", "0")
    pre, post = "echo pre >> order; echo '{\"order\": 1}'", "echo post >> order"
    code, _, err = tuner("sweep", name, *place, *grid, "--pre", pre, "--post", post)
    assert code == 0, err
    with Store.open(create=False) as store:
        run = store.run("last")
        calls = len(store.samples(run.run))
    assert calls >= 6
    assert Path("order").read_text().split() == ["pre", "post"] * calls
    assert (run.options["pre"], run.options["post"]) == (pre, post)


def test_a_sweep_ends_with_the_first_failure_of_a_processor(
    tuner: Run, new_function: Any, lambda_client: Any, place: tuple[str, ...]
) -> None:
    name = new_function("def handler(e, c): pass")
    before = lambda_client.get_function_configuration(FunctionName=name)
    grid = ("--method", "grid", "--memory", "128,256", "--samples", "2", "--cold", "0")
    code, _, err = tuner("sweep", name, *place, *grid, "--post", "exit 5")
    assert code == 1
    assert "post-processor exit 5: failed: exit code 5" in err
    after = lambda_client.get_function_configuration(FunctionName=name)
    assert (after["MemorySize"], after["Description"]) == (
        before["MemorySize"], before["Description"],
    )  # fmt: skip


def test_a_power_tuning_input_brings_its_processors(
    tuner: Run, new_function: Any, place: tuple[str, ...]
) -> None:
    name = new_function(STRICT)
    prepare = new_function("def handler(e, c): return {'order': e['n'] + 1}")
    look = new_function("def handler(e, c): return {'seen': e['order']}")
    document = {"lambdaARN": name, "powerValues": [128, 256], "num": 5, "payload": {"n": 7}}
    document |= {"preProcessorARN": f"{ARN}{prepare}", "postProcessorARN": f"{ARN}{look}"}
    Path("input.json").write_text(json.dumps(document))
    code, out, err = tuner("sweep", *place, "--power-tuning-input", "input.json", "--cold", "0")
    assert code == 0, err
    told = json.loads(out)
    assert [size["errors"] for size in told["sizes"]] == [0, 0]
    assert "power-tuning-input" not in {each["code"] for each in told["warnings"]}


def test_a_recording_has_nothing_to_prepare(tuner: Run) -> None:
    Path("rec.csv").write_text("memory_mb,duration_ms\n512,100\n")
    code, _, err = tuner("load", "replay:rec.csv", *LOAD, "--pre", "true")
    assert (code, "--pre and --post: cannot be used with a recording" in err) == (2, True)
    code, _, err = tuner("load", "replay:rec.csv", *LOAD, "--post", "json:nothing")
    assert (code, "--post json:nothing: cannot be imported" in err) == (2, True)
