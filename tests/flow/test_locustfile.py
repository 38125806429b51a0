"""``tuner load --locustfile``: users of the user's own, whose every request is a sample."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from support.commands import Run
from support.told import warned
from tuner.store.runs import Store

pytestmark = pytest.mark.slow

SHOP = """
from locust import constant, task
from tuner.engine.worker import LambdaUser
from prices import price  # a module beside the locustfile


class Buyer(LambdaUser):
    weight = 2
    wait_time = constant(0.02)

    def on_start(self):
        self.name = self.invoke({"who": "buyer"}).json()["who"]

    @task
    def buy(self):
        answer = self.invoke({"who": self.name, "price": price})
        assert answer.ok and answer.json() == {"who": "buyer", "price": 7}
        assert answer.request_id and answer.duration_ms is not None and answer.latency_ms > 0


class Looker(LambdaUser):
    wait_time = constant(0.02)

    @task
    def look(self):
        assert self.invoke().json() == {"who": "nobody"}
"""


def write(source: str) -> tuple[str, ...]:
    """The options of a locustfile."""
    Path("shop").mkdir(exist_ok=True)
    Path("shop/prices.py").write_text("price = 7\n")
    Path("shop/locustfile.py").write_text(source)
    return ("--locustfile", "shop/locustfile.py")


ECHO = "def handler(e, c): return e"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_users_of_a_locustfile_call_and_each_request_is_a_sample(
    tuner: Run, new_function: Any, place: tuple[str, ...], workers: str
) -> None:
    name = new_function(ECHO)
    load = (*write(SHOP), "--users", "6", "--duration", "2s", "--workers", workers)
    code, out, err = tuner("load", name, *place, *load, "--payload", '{"who": "nobody"}')
    assert code == 0, err
    told = json.loads(out)
    assert warned(told) == []
    assert told["calls"] == told["outcomes"]["ok"] >= 20
    assert (told["load"]["profile"], told["load"]["about"]) == ("locustfile", "locustfile.py")
    assert (told["load"]["model"], told["load"]["users"]) == ("closed", 6)
    assert 1 <= told["concurrency"]["max"] <= 6
    assert told["duration_ms"]["p50"] > 0
    assert "locustfile: locustfile.py" in Path(told["report"]).read_text()
    with Store.open(create=False) as store:
        samples = store.samples(told["run"])
    assert len({sample.call for sample in samples}) == len(samples) == told["calls"]
    assert all(sample.due_s <= sample.sent_s <= sample.done_s for sample in samples)


def test_a_locustfile_with_the_old_import_is_played_and_told_the_new_one(
    tuner: Run, new_function: Any, place: tuple[str, ...]
) -> None:
    name = new_function(ECHO)
    source = SHOP.replace("tuner.engine.worker", "tuner.load.worker")
    load = (*write(source), "--users", "4", "--duration", "1s", "--workers", "2")
    code, out, err = tuner("load", name, *place, *load, "--payload", '{"who": "nobody"}')
    assert code == 0, err
    told = json.loads(out)
    assert told["outcomes"]["ok"] > 0
    [warning] = warned(told)
    assert warning["code"] == "locustfile-note"
    assert "write `from tuner.engine.worker import LambdaUser`" in warning["text"]


def test_users_appear_at_their_spawn_rate(
    tuner: Run, new_function: Any, place: tuple[str, ...]
) -> None:
    name = new_function(ECHO)
    source = """
from locust import constant, task
from tuner.engine.worker import LambdaUser

class Once(LambdaUser):
    wait_time = constant(60)

    @task
    def call(self):
        self.invoke({})
"""
    load = (*write(source), "--users", "4", "--spawn-rate", "2", "--duration", "4s")
    code, out, err = tuner("load", name, *place, *load)
    assert code == 0, err
    with Store.open(create=False) as store:
        due = sorted(sample.due_s for sample in store.samples(json.loads(out)["run"]))
    assert len(due) == 4  # and a user who waits is sent home, not waited for
    assert max(later - earlier for earlier, later in pairwise(due)) > 0.5


def test_retries_and_processors_go_with_the_calls_of_a_locustfile(
    tuner: Run, new_function: Any, lambda_client: Any, place: tuple[str, ...]
) -> None:
    name = new_function("import time\ndef handler(e, c):\n    time.sleep(0.1)\n    return e")
    lambda_client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    source = """
from locust import task
from tuner.engine.worker import LambdaUser

class Asks(LambdaUser):
    @task
    def ask(self):
        answer = self.invoke({"n": 1})
        assert answer.outcome == "throttled" or answer.json() == {"made": True}, answer
"""
    words = ("--pre", "echo '{\"made\": true}'", "--post", "echo $TUNER_OUTCOME >> ends")
    load = (*write(source), "--users", "3", "--duration", "2s", "--retry", "backoff")
    code, out, err = tuner("load", name, *place, *load, *words)
    assert code == 0, err
    told = json.loads(out)
    assert warned(told) == []
    assert told["attempts"] > told["calls"]
    assert told["retries"]["backoff_ms"]["p50"] > 0
    ends = Counter(Path("ends").read_text().split())
    assert ends == Counter({k: v for k, v in told["outcomes"].items() if v})


def test_mistakes_in_a_locustfile_are_said_and_do_not_end_the_load(
    tuner: Run, new_function: Any, place: tuple[str, ...]
) -> None:
    name = new_function(ECHO)
    source = """
from locust import constant, task
from tuner.engine.worker import LambdaUser

class Clumsy(LambdaUser):
    wait_time = constant(0.1)

    @task
    def ask(self):
        self.invoke({"n": 1}).json()["price"]
"""
    code, out, err = tuner("load", name, *place, *write(source), "--duration", "1s")
    assert code == 0, err
    told = json.loads(out)
    assert told["outcomes"]["ok"] >= 2
    [warning] = warned(told)
    assert warning["code"] == "locustfile-failed"
    assert "KeyError: 'price'" in warning["text"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import no_such_module", "No module named 'no_such_module'"),
        ("from locust import HttpUser\nclass A(HttpUser):\n    host = 'x'", "is a LambdaUser"),
        ("from locust import User\nclass B(User):\n    client = None", "self.invoke(payload)"),
        ("x = 1", "is a LambdaUser"),
    ],
)
def test_a_locustfile_that_cannot_be_played_fails_with_words(
    tuner: Run, new_function: Any, place: tuple[str, ...], source: str, says: str
) -> None:
    code, _, err = tuner("load", new_function(ECHO), *place, *write(source), "--duration", "1s")
    assert code == 1
    assert says in err
    assert err.startswith("tuner: --locustfile ")
    assert "LookupError" not in err
    assert len(err.splitlines()) <= 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--locustfile", "none.py"), "cannot be read"),
        (("--locustfile", "bad.py"), "is not Python"),
        (("--spawn-rate", "2", "--users", "3"), "is for a locustfile"),
        (("--locustfile", "good.py", "--rate", "5"), "--rate: cannot go with --locustfile"),
        (("--locustfile", "good.py", "--find-limit"), "--find-limit: cannot go with"),
        (("--locustfile", "good.py", "--mode", "async"), "--mode async: cannot go with"),
        (("--locustfile", "good.py"), "cannot be used with a recording"),
    ],
)
def test_a_locustfile_that_makes_no_sense_is_refused(
    tuner: Run, words: tuple[str, ...], says: str
) -> None:
    Path("rec.csv").write_text("memory_mb,duration_ms\n512,100\n")
    Path("bad.py").write_text("def (:\n")
    Path("good.py").write_text("x = 1\n")
    code, _, err = tuner("load", "replay:rec.csv", *words)
    assert (code, says in err) == (2, True), err
