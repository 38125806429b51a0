"""A LoadTestShape in a locustfile says how many users there are, and when the load ends."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.commands import Run
from support.told import warned

pytestmark = pytest.mark.slow

USERS = """
import time
from locust import LoadTestShape, constant, task
from tuner.engine.worker import LambdaUser


class One(LambdaUser):
    wait_time = constant(0.1)

    @task
    def call(self):
        self.invoke({"class": "one"})


class Two(LambdaUser):
    wait_time = constant(0.1)

    @task
    def call(self):
        self.invoke({"class": "two"})
"""
STEPS = """

class Steps(LoadTestShape):
    stages = [(2, 1, None), (4, 6, None), (6, 2, [One])]

    def tick(self):
        for end, users, classes in self.stages:
            if self.get_run_time() < end:
                return (users, users, classes) if classes else (users, users)
        return None
"""
SLOW = "import time\n\ndef handler(e, c):\n    time.sleep(0.15)\n    return e\n"


@pytest.fixture
def load(tuner: Run, new_function: Any, local_lambda_url: str) -> Any:
    """Load a function with this locustfile; gives the exit code, the document and stderr."""

    def run(source: str, *words: str) -> tuple[int, dict[str, Any], str]:
        Path("shop.py").write_text(source)
        place = ("--endpoint-url", local_lambda_url, "--region", "eu-west-1", "--json", "-")
        code, out, err = tuner(
            "load", new_function(SLOW), *place, "--locustfile", "shop.py", *words
        )
        return code, json.loads(out) if out else {}, err

    return run


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_shape_drives_the_load_up_and_down_and_ends_it(load: Any, workers: str) -> None:
    code, told, err = load(USERS + STEPS, "--workers", workers)
    assert code == 0, err
    assert warned(told) == []
    assert 4.5 <= told["seconds"] <= 9.0
    sent = [second["sent"] for second in told["timeline"]]
    assert 1 <= sent[0] <= 7
    assert max(sent[2:5]) >= 12
    assert sent[5] < max(sent[2:5])
    assert 4 <= told["concurrency"]["max"] <= 6
    assert (told["load"]["users"], told["load"]["model"]) == (None, "closed")
    page = Path(told["report"]).read_text()
    assert "as many users as the LoadTestShape says" in page


def test_the_duration_cuts_a_shape_that_never_ends(load: Any) -> None:
    endless = "\nclass Endless(LoadTestShape):\n    def tick(self):\n        return (2, 2)\n"
    code, told, err = load(USERS + endless, "--duration", "2s")
    assert code == 0, err
    assert 1.5 <= told["seconds"] <= 3.0
    assert told["outcomes"]["ok"] >= 5


BAD = "\nclass Bad(LoadTestShape):\n    def tick(self):\n        {}\n"


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (BAD.format("return (-1, 1)"), "tick() of Bad gave (-1, 1)"),
        (BAD.format("return 5"), "tick() of Bad gave 5"),
        (BAD.format("return (5, 0)"), "tick() of Bad gave (5, 0)"),
        (BAD.format("raise KeyError('stage')"), "KeyError: 'stage'"),
        (STEPS + STEPS.replace("Steps", "More"), "several load shapes (Steps, More)"),
        (STEPS.replace("stages", "use_common_options = True\n    stages", 1), "Steps uses --users"),
        ("\nShape = type('Made', (LoadTestShape,), {'tick': lambda self: None})\n", "Made"),
    ],
)
def test_a_shape_that_cannot_be_taken_is_named(load: Any, shape: str, said: str) -> None:
    code, _, err = load(USERS + shape)
    assert code == 1, err
    assert said in err


@pytest.mark.parametrize("words", [("--users", "3"), ("--spawn-rate", "2")])
def test_users_are_not_said_twice(load: Any, words: tuple[str, ...]) -> None:
    code, told, err = load(USERS + STEPS, *words)
    assert (code, told) == (2, {})
    assert f"{words[0]}: cannot go with a LoadTestShape" in err
