"""Processes that write at once, and processes that die while they write."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tuner.errors import StoreError
from tuner.records import RunRecord, RunState, Sample
from tuner.store import queries
from tuner.store.runs import Store

Make = Callable[..., RunRecord]
MakeSample = Callable[..., Sample]

# Writes a run sample by sample, and says after each that it is stored.
WRITER = """
import os, sys
sys.path.insert(0, sys.argv[1])
from dataclasses import replace
from support.stored import RUN, SAMPLE
from tuner.records import RunState
from tuner.store.runs import Store
url, name, number = sys.argv[2], sys.argv[3], int(sys.argv[4])
with Store.open(url) as store:
    store.start(replace(RUN, run=name))
    for call in range(number):
        store.add(name, [replace(SAMPLE, call=call)])
        print(call, flush=True)
    if number < 1000:
        store.finish(name, RunState.DONE, 1.0)
"""


def writer(url: str, name: str, number: int) -> "subprocess.Popen[str]":
    tests = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", WRITER, tests, url, name, str(number)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.parametrize("after", [0, 37])
def test_a_killed_run_keeps_every_sample_that_was_stored(store_url: str, after: int) -> None:
    with writer(store_url, "01JKILLED", 1_000_000) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(after + 1)]
        child.send_signal(signal.SIGKILL)
        said += list(child.stdout)
    stored_calls = [int(line) for line in said if line.endswith("\n")]
    with Store.open(store_url, create=False) as store:
        calls = [sample.call for sample in store.samples("01JKILLED")]
        assert store.run("last").state is RunState.RUNNING
        assert store.crashed("01JKILLED")
    assert calls == list(range(len(calls)))
    # The last one may have been stored, but killed before it was said.
    assert len(calls) - len(stored_calls) in (0, 1)


def test_a_killed_run_can_be_resumed_and_finished(store_url: str, make_sample: MakeSample) -> None:
    with writer(store_url, "01JKILLED", 1_000_000) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.kill()
    with Store.open(store_url) as store:
        before = len(store.samples("01JKILLED"))
        assert store.resume("01JKILLED").state is RunState.RUNNING
        assert not store.crashed("01JKILLED")
        store.add("01JKILLED", [make_sample(call=-1)])
        store.finish("01JKILLED", RunState.DONE, 2.0)
        assert len(store.samples("01JKILLED")) == before + 1
        assert store.run("01JKILLED").finished_at == 2.0


def test_a_run_that_a_living_process_writes_is_neither_resumed_nor_deleted(
    store: Store, store_url: str
) -> None:
    with writer(store_url, "01JLIVING", 1_000_000) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            assert not store.crashed("01JLIVING")
            for attempt in (store.resume, store.delete):
                with pytest.raises(StoreError, match=f"process {child.pid} on .* still writing"):
                    attempt("01JLIVING")
        finally:
            child.kill()
    store.delete("01JLIVING")
    assert store.runs() == []


def test_a_process_is_told_from_another_that_got_its_number() -> None:
    me = queries.this_process()
    assert not me.gone()
    assert queries.Owner(me.pid, me.started_at - 60.0, me.boot, me.host).gone()
    assert queries.Owner(me.pid, me.started_at, "another boot", me.host).gone()
    assert not queries.Owner(2**30, me.started_at, me.boot, "another-host").gone()
    for pid in (2**30, 2**63 - 1, -1):
        assert queries.Owner(pid, me.started_at, me.boot, me.host).gone()
    assert os.getpid() == me.pid
    assert me.started_at <= time.time()


def test_four_processes_write_to_a_new_store_at_once_and_nothing_is_lost(store_url: str) -> None:
    children = [writer(store_url, f"01J{number}", 100) for number in range(4)]
    for child in children:
        _, errors = child.communicate(timeout=120)
        assert errors == ""
    with Store.open(store_url) as store:
        assert store.counts() == {f"01J{number}": 100 for number in range(4)}
        for run in store.runs():
            assert run.state is RunState.DONE
            assert [sample.call for sample in store.samples(run.run)] == list(range(100))


def test_postgresql_keeps_a_run_as_sqlite_does(
    postgres_store: str, file_store: Store, make_run: Make, make_sample: MakeSample, tmp_path: Path
) -> None:
    run = make_run(target="naïve \0 name")
    file_store.start(run)
    file_store.add(run.run, [make_sample(call=call, reason="\ud800") for call in range(3)])
    file_store.save_document(run.run, "sweep", {"sizes": [128], "text": "\0"})
    file_store.export(run.run, tmp_path / "run.jsonl.gz")
    with Store.open(postgres_store) as other:
        other.import_(tmp_path / "run.jsonl.gz")
        assert other.stored(run.run) == file_store.stored(run.run)
        assert other.run("01jds").run == run.run
        assert other.crashed(run.run)  # nobody owns what was imported
        assert other.counts() == {run.run: 3}
        other.delete(run.run)
        assert other.runs() == []
