"""A PostgreSQL server that goes away in the middle of a sweep or load costs nothing measured."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tuner.api.load import run_load
from tuner.api.results import SweepResult
from tuner.api.stored import recommend, stored_load
from tuner.api.sweep import run_sweep
from tuner.experiment.experiment import Silent
from tuner.options.commands import SweepCall
from tuner.options.load_options import LoadOptions
from tuner.records import RunState, Sample
from tuner.report.load_document import load_document
from tuner.store.runs import Store

Run = Callable[..., "subprocess.CompletedProcess[str]"]


class Cutting(Silent):
    """Takes the server away at the fifth sample."""

    def __init__(self, server: Any) -> None:
        self.server, self.number = server, 0

    def sampled(self, sample: Sample) -> None:
        self.number += 1
        if self.number == 5:
            self.server.stop()


@pytest.fixture
def server(postgres: Any) -> Iterator[Any]:
    """The server; it runs again after the test."""
    yield postgres
    postgres.stop()
    postgres.start()


@pytest.fixture
def url(postgres_store: str) -> str:
    return postgres_store.replace("tuner@", "tuner:s3cret@")


@pytest.fixture(autouse=True)
def _recording(tmp_path: Path) -> None:
    rows = ["memory_mb,duration_ms"]
    for size, base in ((128, 900.0), (256, 400.0), (512, 210.0)):
        rows += [f"{size},{base + wobble}" for wobble in range(-3, 4)]
    (tmp_path / "rec.csv").write_text("\n".join(rows))


def tuner(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in a process of its own, as its warnings are shown there."""
    command = [sys.executable, "-m", "tuner", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_sweep_answers_as_if_nothing_had_happened_and_its_run_is_whole_later(
    server: Any, url: str, tmp_path: Path
) -> None:
    options = SweepCall.made("replay:rec.csv", memory="recorded", seed=3)
    undisturbed = run_sweep(options, str(tmp_path / "runs.db"), Silent())
    swept = run_sweep(options, url, Cutting(server))
    assert _answer(swept) == _answer(undisturbed)

    away = tuner("runs", "deliver", "--store", url)
    assert away.returncode == 1
    assert "the server refuses connections" in away.stderr
    server.start()
    came = tuner("runs", "deliver", "--store", url)
    assert (came.returncode, came.stderr) == (0, "")
    assert came.stdout.endswith(f"samples of {swept.run.run}.\n")
    assert tuner("runs", "deliver", "--store", url).stdout == "Nothing waits in .tuner/spool.\n"
    assert "s3cret" not in away.stdout + away.stderr + came.stdout

    with Store.open(url) as store, Store.open(str(tmp_path / "runs.db")) as other:
        assert store.run("last").state is RunState.DONE
        assert len(store.samples(swept.run.run)) == len(other.samples(undisturbed.run.run))
    assert recommend("last", store=url).recommendation == swept.recommendation


def test_a_load_has_its_report_and_any_command_delivers_it(
    server: Any, url: str, tmp_path: Path
) -> None:
    loaded = run_load(
        LoadOptions("replay:rec.csv", seed=3, memory="256", rate="500/s", duration="2s"),
        url,
        Cutting(server),
    )
    assert loaded.figures.calls == 1000
    server.start()
    listed = tuner("runs", "--store", url)
    assert (listed.returncode, "1000" in listed.stdout) == (0, True)
    assert f"delivered what waited of run {loaded.run.run}" in listed.stderr
    assert "s3cret" not in listed.stdout + listed.stderr
    stored = stored_load("last", url)
    assert stored is not None
    assert stored["outcomes"] == json.loads(json.dumps(load_document(loaded)))["outcomes"]


def _answer(swept: Any) -> dict[str, Any]:
    """The document of a sweep without what tells one run from another."""
    varies = {"run", "started_at", "finished_at", "spend"}
    document = SweepResult(swept).to_dict()
    return {name: value for name, value in document.items() if name not in varies}
