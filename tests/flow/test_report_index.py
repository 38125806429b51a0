"""``tuner report`` without a run: the index of all runs, written and served."""

import http.client
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest

from support.commands import Run
from tuner.api.index import IndexServer, LiveIndex
from tuner.api.stored import RunRow, listing
from tuner.clock import VirtualClock
from tuner.records import RunState
from tuner.store.runs import Store

ROWS = "\n".join(
    ["memory_mb,duration_ms", *(f"{mb},{50_000 / mb + n}" for mb in (128, 512) for n in range(12))]
)


@pytest.fixture
def runs(tuner: Run) -> list[str]:
    """Two sweeps of one function, the second with a page."""
    Path("orders.csv").write_text(ROWS)
    for words in (("--strategy", "cost"), ("--strategy", "speed")):
        assert tuner("sweep", "replay:orders.csv", "--memory", "recorded", *words)[0] == 0
    pages = sorted(Path("reports").glob("orders*.html"))
    pages[0].unlink()
    return [re.sub(r".*-|\.html", "", page.name) for page in pages]


def test_an_index_lists_functions_runs_and_other_pages(runs: list[str], tuner: Run) -> None:
    Path("reports/notes.html").write_text("mine")
    code, out, _ = tuner("report")
    assert code == 0 and "Index: reports/index.html" in out
    page = Path("reports/index.html").read_text()
    assert all(run in page for run in runs)
    assert f'href="orders.csv-{runs[1]}.html"' in page
    assert f'href="orders.csv-{runs[0]}.html"' not in page  # it has no page any more
    assert 'href="notes.html"' in page and "2 runs" in page
    assert re.search("[▁▂▃▄▅▆▇█]{2}", page)
    assert len(page) < 100_000  # no charts, so no library of charts


def test_without_any_run_the_index_says_so(tuner: Run) -> None:
    assert tuner("report")[0] == 0
    assert "No run yet" in Path("reports/index.html").read_text()


def test_a_run_and_an_index_are_two_questions(runs: list[str], tuner: Run) -> None:
    code, _, err = tuner("report", "last", "--serve")
    assert code == 2 and "an index is of all runs" in err


@pytest.fixture
def served(runs: list[str]) -> Iterator[str]:
    """The address of a server of the index, in a process of its own."""
    command = [sys.executable, "-m", "tuner", "report", "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[1]
        process.terminate()


def asked(url: str, path: str, host: str | None = None, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request(method, path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_pages_are_served_and_nothing_else(served: str, runs: list[str]) -> None:
    code, page = asked(served, "/")
    assert code == 200 and runs[0] in page
    assert asked(served, f"/orders.csv-{runs[1]}.html")[0] == 200
    for path in ("/../orders.csv", "/%2e%2e/orders.csv", "/orders.csv", "/.tuner/runs.db", "//x"):
        assert asked(served, path)[0] == 404
    assert asked(served, "/", "evil.example")[0] == 403
    assert asked(served, "/", "evil.example", "HEAD")[0] == 403
    assert asked(served, "/.tuner/runs.db", method="HEAD")[0] == 404


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with each time that the store is read for an index."""
    found: list[int] = []

    def counted(store: str | None, limit: int) -> list[RunRow]:
        found.append(limit)
        return listing(store, limit)

    monkeypatch.setattr("tuner.api.index.listing", counted)
    return found


def test_many_readers_at_once_cost_one_read_of_the_store(
    runs: list[str], tuner: Run, reads: list[int]
) -> None:
    server = IndexServer(Path("reports"), None, 0)
    serving = Thread(target=server.serve)
    serving.start()
    try:
        with ThreadPoolExecutor(40) as readers:
            pages = [*readers.map(lambda _: asked(server.url, "/"), range(40))]
        assert {code for code, _ in pages} == {200}
        assert all(run in page for _, page in pages for run in runs)
        assert len(reads) == 1
        Path("reports/notes.html").write_text("mine")
        assert 'href="notes.html"' in asked(server.url, "/")[1]
        assert len(reads) == 2
        assert tuner("sweep", "replay:orders.csv", "--memory", "recorded", "-q")[0] == 0
        assert "3 runs" in asked(server.url, "/")[1]
        assert "3 runs" in asked(server.url, "/")[1]
        assert len(reads) == 3
    finally:
        server.close()
        serving.join()


def test_a_run_that_goes_on_is_looked_at_again_after_two_seconds(
    runs: list[str], reads: list[int]
) -> None:
    store, clock = Store.open(None), VirtualClock()
    other = runs[0][:-1] + ("Y" if runs[0].endswith("Z") else "Z")
    store.start(replace(store.run(runs[0]), run=other, state=RunState.RUNNING))
    store.close()
    index = LiveIndex(Path("reports"), None, clock)
    for _ in range(3):
        index()
    assert len(reads) == 1
    clock.advance(2.0)
    index()
    assert len(reads) == 2


def test_a_comparison_has_a_page_that_the_index_lists(runs: list[str], tuner: Run) -> None:
    assert tuner("compare", *runs, "--output", "reports")[0] == 0
    name = f"compare-{runs[0]}-{runs[1]}.html"
    assert "512\u00a0MB" in (Path("reports") / name).read_text()
    assert tuner("report")[0] == 0
    assert f'href="{name}"' in Path("reports/index.html").read_text()
