"""Answers that are judged: by ``--expect``, a post-processor, a locustfile, and by themselves."""

import json
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from support.commands import Run

pytestmark = pytest.mark.slow

PROXY = 'import json\n\ndef handler(e, c):\n    return {"statusCode": 500, "body": "{}"}\n'
ODD = 'def handler(e, c):\n    return {"ok": e["n"] == 1, "n": e["n"]}\n'
LOAD = ("--rate", "10", "--duration", "2s", "--json", "-")


@pytest.fixture
def load(tuner: Run, local_lambda_url: str, new_function: Any) -> Any:
    """Load a function of this source; gives the exit code, the document and stderr."""

    def run(source: str, *words: str) -> tuple[int, dict[str, Any], str]:
        place = ("--endpoint-url", local_lambda_url, "--region", "eu-west-1")
        code, out, err = tuner("load", new_function(source), *place, *words)
        return code, json.loads(out) if out else {}, err

    return run


def codes(told: dict[str, Any]) -> set[str]:
    return {each["code"] for each in told["warnings"]}


def test_answers_of_a_front_that_all_fail_meet_no_objective_and_are_warned_of(load: Any) -> None:
    code, told, err = load(PROXY, *LOAD, "--slo", "errors<1%")
    assert code == 99, err
    assert told["outcomes"]["ok"] == 20
    assert "answers-5xx" in codes(told)
    [verdict] = told["slo"]
    assert (verdict["value"], verdict["met"]) == (1.0, False)


@pytest.mark.parametrize("expected", ["status<500", "statusCode < 500", 'body contains "id"'])
def test_an_answer_that_is_not_as_expected_is_an_outcome_and_misses_objectives(
    load: Any, expected: str
) -> None:
    code, told, err = load(PROXY, *LOAD, "--expect", expected, "--slo", "p95<60s")
    assert code == 99, err
    assert (told["outcomes"]["check_failed"], told["outcomes"]["ok"]) == (20, 0)
    assert [each["met"] for each in told["slo"]] == [False, False]
    [cause] = told["errors"]
    assert (cause["type"], cause["count"]) == (expected, 20)
    assert '"statusCode": 500' in cause["message"]
    page = unescape(Path(told["report"]).read_text())
    assert "answer not as expected" in page
    assert expected in page
    assert told["load"]["expect"] == [expected]
    assert told["unexpected_ms"]["p50"] > 0


def test_objectives_may_allow_some_checks_to_fail(load: Any) -> None:
    Path("p.json").write_text(json.dumps([{"payload": {"n": n}, "weight": 1} for n in (1, 2)]))
    words = (*LOAD, "--payloads", "p.json", "--expect", "json.ok == true")
    code, told, err = load(ODD, *words, "--slo", "checks<90%", "--slo", "errors<90%")
    assert code == 0, err
    assert 1 <= told["outcomes"]["check_failed"] <= 19
    assert told["latency_ms"]["p50"] > 0
    code, _, _ = load(ODD, *words, "--slo", "checks<1%")
    assert code == 99


def test_a_post_processor_fails_its_call_by_what_it_says(load: Any) -> None:
    judge = """python3 -c 'import json,sys; n = json.load(sys.stdin)["n"]
print(json.dumps({"failure": "n is %d" % n} if n != 1 else {}))'"""
    words = (*LOAD, "--post", judge, "--slo", "checks<1%")
    code, told, err = load(ODD, *words, "--payload", '{"n": 2}')
    assert code == 99, err
    assert told["outcomes"]["check_failed"] == 20
    assert told["errors"][0]["type"] == "n is 2"
    code, told, err = load(ODD, *words, "--payload", '{"n": 1}')
    assert (code, told["outcomes"]["ok"]) == (0, 20), err


def test_a_python_post_processor_fails_its_call_by_an_assertion(load: Any) -> None:
    Path("judging.py").write_text("def judge(a):\n    assert a['n'] == 1, 'n is not 1'\n")
    words = (*LOAD, "--post", "judging:judge", "--payload", '{"n": 2}')
    _, told, err = load(ODD, *words)
    assert told["outcomes"]["check_failed"] == 20, err
    assert told["errors"][0]["type"] == "n is not 1"


USERS = """
from locust import constant, task
from tuner.engine.worker import LambdaUser

class Caller(LambdaUser):
    wait_time = constant(0.05)

    @task
    def with_statement(self):
        with self.invoke({"n": 2}) as answer:
            if answer.json()["n"] != 1:
                answer.failure("wrong n")

    @task
    def assertion(self):
        with self.invoke({"n": 3}) as answer:
            assert answer.json()["ok"], "not ok"

    @task
    def afterwards(self):
        answer = self.invoke({"n": 4})
        answer.failure("late")
        answer.success()

    @task
    def ignored(self):
        self.invoke({"n": 1})
"""


@pytest.mark.parametrize("expected", [(), ("--expect", "json.n != 4")])
def test_users_of_a_locustfile_judge_their_answers(load: Any, expected: tuple[str, ...]) -> None:
    Path("users.py").write_text(USERS)
    words = ("--locustfile", "users.py", "--users", "4", "--duration", "4s", "--json", "-")
    code, told, err = load(ODD, *words, *expected, "--slo", "checks<1%")
    assert code == 99, err
    kinds = {each["type"]: each["count"] for each in told["errors"]}
    assert kinds["wrong n"] >= 3
    assert kinds["not ok"] >= 3
    assert "late" not in kinds
    assert ("json.n != 4" in kinds) == bool(expected)
    assert told["outcomes"]["check_failed"] == sum(kinds.values())
    assert told["outcomes"]["ok"] >= 3
    assert told["calls"] == told["outcomes"]["check_failed"] + told["outcomes"]["ok"]
    assert "locustfile-failed" not in codes(told)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--expect", "status ? 5"), "at character 7"),
        (("--slo", "checks<1%"), "--expect"),
        (("--expect", "status<5", "--mode", "async"), "events have no answers"),
    ],
)
def test_what_cannot_be_judged_is_refused(load: Any, words: tuple[str, ...], said: str) -> None:
    code, told, err = load(ODD, "--rate", "5", *words)
    assert (code, told) == (2, {})
    assert said in err


def test_a_sweep_of_nothing_but_5xx_meets_no_objective(
    tuner: Run, local_lambda_url: str, new_function: Any
) -> None:
    place = ("--endpoint-url", local_lambda_url, "--region", "eu-west-1")
    words = ("--memory", "128,512", "--cold", "0", "--slo", "p95<60s", "--yes")
    code, out, err = tuner("sweep", new_function(PROXY), *place, *words, "--json", "-", "-q")
    told = json.loads(out)
    assert code == 99, err
    pick = told["recommendation"]
    assert (pick["meets_slo"], pick["missed_slo"]) == (False, ["p95<60s"])
    assert pick["reasons"][0].startswith("Every answer was a 5xx")
    assert "answers-5xx" in codes(told)
    code, _, err = tuner("apply", "last", "--yes")
    assert code != 0 and "p95<60s" in err
