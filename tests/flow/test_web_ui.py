"""``tuner load --web-ui``: Locust's UI shows the load's requests, on loopback, and ends with it."""

import json
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from support.commands import Run

pytestmark = pytest.mark.slow


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Looker(threading.Thread):
    """Looks at the UI until it shows requests; keeps what it saw."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.stats: dict[str, Any] = {}
        self.page = ""
        self.refused: dict[str, Any] = {}

    def run(self) -> None:
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            try:
                stats = json.loads(self.get("/stats/requests"))
                if any(row["num_requests"] for row in stats["stats"]):
                    self.page = self.get("/")
                    self.refused = json.loads(self.get("/swarm", b"user_count=5&spawn_rate=1"))
                    self.get("/stop", b"")
                    self.stats = stats
                    return
            except OSError:
                pass
            time.sleep(0.1)

    def get(self, path: str, body: bytes | None = None) -> str:
        with urllib.request.urlopen(self.url + path, body, timeout=5) as answer:
            text: str = answer.read().decode()
        return text


def test_the_ui_shows_the_loads_requests_and_ends_with_it(
    tuner: Run, new_function: Any, local_lambda_url: str, free_port: int
) -> None:
    name = new_function("def handler(e, c): pass")
    place = ("--endpoint-url", local_lambda_url, "--region", "eu-west-1", "--json", "told.json")
    looker = Looker(f"http://127.0.0.1:{free_port}")
    looker.start()
    load = ("--rate", "20", "--duration", "6s", "--web-ui", "--web-port", str(free_port))
    code, _, err = tuner("load", name, *place, *load)
    looker.join(10)
    assert code == 0, err
    told = json.loads(Path("told.json").read_text())
    assert (told["calls"], told["outcomes"]["ok"]) == (120, 120)  # whatever was clicked on there
    assert f"Locust's UI is on http://127.0.0.1:{free_port}" in err
    rows = {row["name"]: row for row in looker.stats["stats"]}
    assert 1 <= rows[name]["num_requests"] <= 120
    assert rows[name]["method"] == "Invoke"
    assert looker.stats["state"] == "running"
    assert "<title>Locust" in looker.page
    assert looker.refused["success"] is False
    assert "end it there with Ctrl-C" in looker.refused["message"]
    with pytest.raises(urllib.error.URLError):
        looker.get("/")


def test_a_port_that_is_taken_is_said(tuner: Run, new_function: Any, local_lambda_url: str) -> None:
    name = new_function("def handler(e, c): pass")
    place = ("--endpoint-url", local_lambda_url, "--region", "eu-west-1")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        load = ("--rate", "5", "--duration", "1s", "--web-ui", "--web-port", port)
        code, _, err = tuner("load", name, *place, *load)
    assert code == 1
    assert f"the web UI cannot listen on 127.0.0.1:{port}" in err
    assert "--web-port" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--web-port", "80"), "Give it with --web-ui"),
        (("--web-ui", "--web-port", "99999"), "is no port"),
        (("--web-ui", "--web-host", "a b"), "is no host"),
        (("--web-ui",), "cannot be used with a recording"),
    ],
)
def test_a_ui_that_makes_no_sense_is_refused(tuner: Run, words: tuple[str, ...], says: str) -> None:
    Path("rec.csv").write_text("memory_mb,duration_ms\n512,100\n")
    code, _, err = tuner("load", "replay:rec.csv", "--rate", "5", *words)
    assert (code, says in err) == (2, True), err
