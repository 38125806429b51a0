"""A store that goes away in the middle of a run: samples wait in a file and are delivered later."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import StoreAway, StoreError
from tuner.records import Advice, RunState, Sample
from tuner.store import entries, outbox, spool
from tuner.store.queries import PRIME, Choice
from tuner.store.runs import Store

Make = Callable[..., Any]

WITH_PASSWORD = "tuner:s3cret@"


@pytest.fixture
def gone(postgres: Any) -> Iterator[Callable[[], None]]:
    """Takes the server away; it is back after the test."""
    yield postgres.stop
    postgres.stop()
    postgres.start()


@pytest.fixture
def url(postgres_store: str) -> str:
    """An empty database, named with a password, which it does not ask for."""
    return postgres_store.replace("tuner@", WITH_PASSWORD)


def go(store: Store, run: Any, make_sample: Make, calls: range) -> list[Sample]:
    """Add samples one by one."""
    made = [make_sample(call=call) for call in calls]
    for sample in made:
        store.add(run.run, [sample])
    return made


def files() -> list[Path]:
    return spool.waiting()


def test_a_run_goes_on_without_its_server_and_all_of_it_is_delivered(
    url: str,
    postgres: Any,
    gone: Callable[[], None],
    make_run: Make,
    make_sample: Make,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run, late = make_run(), make_sample(call=1, duration_ms=9.5)
    warnings = (Advice("few-samples", "Measure more."),)
    with Store.open(url) as store:
        store.start(run)
        go(store, run, make_sample, range(10))
        gone()
        go(store, run, make_sample, range(10, 40))
        store.amend(run.run, [late])
        store.finish(run.run, RunState.PARTIAL, 2e9, warnings, note="enough")
        store.save_document(run.run, "load", {"calls": 40})
    [file] = files()
    assert file.name == f"{run.run}-1.jsonl"
    said = caplog.text
    gone_is = (
        "the (connection to the server was lost|server refuses connections)"  # whichever first
    )
    assert re.search(f"{gone_is}\nThe run goes on; what it measures waits in", said)
    assert f"30 samples of run {run.run} wait in {file}" in said
    assert "s3cret" not in said + file.read_text()

    caplog.clear()
    with pytest.raises(StoreError, match="the server refuses connections"):
        Store.open(url)
    assert files() == [file]
    postgres.start()
    with Store.open(url) as store:
        samples = store.samples(run.run)
        assert samples == [late if call == 1 else make_sample(call=call) for call in range(40)]
        assert store.run(run.run) == replace(
            run, state=RunState.PARTIAL, finished_at=2e9, warnings=warnings, note="enough"
        )
        assert store.document(run.run, "load") == {"calls": 40}
        assert not store.crashed(run.run)
    assert files() == []
    assert f"delivered what waited of run {run.run}" in caplog.text


def test_a_server_that_comes_back_in_time_gets_everything(
    url: str,
    postgres: Any,
    gone: Callable[[], None],
    make_run: Make,
    make_sample: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbox, "TRY_AGAIN_S", 0.0)
    with Store.open(url) as store:
        store.start(make_run())
        made = go(store, make_run(), make_sample, range(5))
        gone()
        made += go(store, make_run(), make_sample, range(5, 10))
        assert len(files()) == 1
        postgres.start()
        time.sleep(0.1)
        made += go(store, make_run(), make_sample, range(10, 15))
        assert files() == []
        assert store.samples(make_run().run) == made


def test_a_quick_restart_is_not_noticed(
    url: str, postgres: Any, gone: Callable[[], None], make_run: Make, make_sample: Make
) -> None:
    with Store.open(url) as store:
        store.start(make_run())
        made = go(store, make_run(), make_sample, range(5))
        gone()
        postgres.start()
        made += go(store, make_run(), make_sample, range(5, 10))
        assert files() == []
        assert store.samples(make_run().run) == made


def test_a_run_thinned_while_its_store_is_away_is_thinned_on_delivery(
    store: Store, make_run: Make, make_sample: Make
) -> None:
    choice = Choice(PRIME - 1, PRIME - 1, PRIME // 3)
    held = away(store, make_run())
    first = go(store, make_run(), make_sample, range(50))
    assert store.thin(make_run().run, choice) is None
    second = go(store, make_run(), make_sample, range(50, 60))
    back(store, held)
    store.finish(make_run().run, RunState.DONE, 1.0)
    assert store.samples(make_run().run) == [s for s in first if choice.takes(s.call)] + second


def away(store: Store, run: Any) -> Any:
    """A run whose store refuses everything from now on."""
    store.start(run)
    held = store._outbox._writing

    def refused() -> Any:
        raise StoreAway(store.where, "it is away", "Wait.")

    store._outbox._writing = refused
    store._outbox.begin(run.run, StoreAway(store.where, "it is away", "Wait."))
    return held


def back(store: Store, held: Any) -> None:
    store._outbox._writing = held


def test_what_is_delivered_twice_is_there_once(
    store: Store, make_run: Make, make_sample: Make
) -> None:
    run, held = make_run(), away(store, make_run())
    made = go(store, run, make_sample, range(30))
    store.save_document(run.run, "load", {"calls": 30})
    store.finish(run.run, RunState.DONE, 1.0)
    [path] = files()
    text = path.read_text()
    for _ in range(3):  # as if each time the file had not been removed
        path.write_text(text)
        spool.deliver(spool.read(path), held)
        assert files() == []
    assert store.samples(run.run) == made
    assert store.document(run.run, "load") == {"calls": 30}


def test_a_sample_that_arrived_although_the_connection_broke_is_there_once(
    store: Store, make_run: Make, make_sample: Make
) -> None:
    run = make_run()
    store.start(run)
    made = go(store, run, make_sample, range(3))
    store._outbox.begin(run.run, StoreAway(store.where, "it is away", "Wait."))
    store.add(run.run, [made[2]])  # committed, though nobody heard of it
    made += go(store, run, make_sample, range(3, 6))
    store.finish(run.run, RunState.DONE, 1.0)
    assert files() == []
    assert store.samples(run.run) == made


def test_a_locked_file_does_not_end_a_run_either(
    store_path: Path, make_run: Make, make_sample: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    from tuner.store import connect

    monkeypatch.setattr(connect, "LOCK_WAIT_S", 0.1)
    with Store.open(str(store_path)) as store:
        store.start(make_run())
        other = sqlite3.connect(store_path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        made = go(store, make_run(), make_sample, range(5))
        assert (len(files()), store.samples(make_run().run)) == (1, [])
        other.close()
        store.finish(make_run().run, RunState.DONE, 1.0)
        assert (files(), store.samples(make_run().run)) == ([], made)


def test_a_run_that_the_store_lost_meanwhile_is_there_again(
    store: Store, make_run: Make, make_sample: Make
) -> None:
    run, held = make_run(), away(store, make_run())
    made = go(store, run, make_sample, range(3))
    store.delete(run.run)
    back(store, held)
    store._outbox.deliver()
    assert store.samples(run.run) == made
    [advice] = store.run(run.run).warnings
    assert advice.code == "samples-lost"


# Begins to spool, says so, and waits to be killed.
SPOOLING = """
import sys, time
sys.path.insert(0, sys.argv[1])
from tuner.errors import StoreAway
from support.stored import RUN, SAMPLE
from tuner.store.runs import Store
with Store.open(sys.argv[2]) as store:
    store.start(RUN)
    store._outbox.begin(RUN.run, StoreAway("store", "it is away", "Wait."))
    store.add(RUN.run, [SAMPLE])
    print("spooled", flush=True)
    time.sleep(600)
"""


def test_a_file_is_delivered_once_its_process_has_died_and_not_before(
    store_url: str, make_run: Make, make_sample: Make, tmp_path: Path
) -> None:
    tests = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", SPOOLING, tests, store_url]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, cwd=tmp_path, **pipes) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "spooled\n"
            with Store.open(store_url) as store:
                assert store.samples(make_run().run) == []
            [path] = files()
        finally:
            child.kill()
    path.write_text(path.read_text() + '{"samples": {"samp')  # killed within a line
    with Store.open(store_url) as store:
        assert store.samples(make_run().run) == [make_sample()]
        assert store.crashed(make_run().run)
    assert files() == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no json\n", "line 1"),
        ("\0" * 4096, "line 1"),
        ("[]\n", "line 1: Head is not an object"),
        ("\udcff\n", "not text"),
    ],
)
def test_a_file_that_is_damaged_is_set_aside_and_named_once(
    store_path: Path, text: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    spool.FOLDER.mkdir(parents=True)
    path, written = spool.FOLDER / "odd.jsonl", text.encode("utf-8", "surrogateescape")
    aside = [path.with_name("odd.jsonl.damaged"), path.with_name("odd.jsonl.damaged-2")]
    for kept in aside:
        path.write_bytes(written)
        Store.open(str(store_path)).close()
        assert reason in caplog.text
        assert "odd.jsonl: it cannot be delivered" in caplog.text
        assert f"kept as {kept};" in caplog.text
        caplog.clear()
        Store.open(str(store_path)).close()
        assert caplog.text == ""
    assert [one.read_bytes() for one in aside] == [written] * 2
    assert spool.waiting() == []


@pytest.mark.parametrize("begun", ["", '{"schema":"tuner.spool/1","store":"sqlite'])
def test_a_file_whose_first_line_is_being_written_is_left_alone(
    store_path: Path, begun: str, caplog: pytest.LogCaptureFixture
) -> None:
    spool.FOLDER.mkdir(parents=True)
    path = spool.FOLDER / "run-1.jsonl"
    path.write_text(begun)
    Store.open(str(store_path)).close()
    assert caplog.text == ""
    assert path.read_text() == begun


def test_a_file_of_a_newer_version_or_of_another_store_is_left(
    store: Store, make_run: Make, make_sample: Make, tmp_path: Path
) -> None:
    away(store, make_run())
    go(store, make_run(), make_sample, range(3))
    [path] = files()
    with Store.open(str(tmp_path / "other.db")) as other:
        assert list(other.delivered()) == []
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, '{"colour": {"red": 1}}']) + "\n")
    with pytest.raises(StoreError, match="line 5: an entry 'colour' needs a newer tuner"):
        spool.read(path)
    for head in (lines[0].replace("tuner.spool/1", "tuner.spool/2"), '{"schema": "tuner.spool/2"}'):
        path.write_text(f"{head}\n")
        with pytest.raises(StoreError, match="needs a newer tuner"):
            spool.head_of(path)
        with Store.open(str(tmp_path / "other.db")):
            assert files() == [path]


@given(
    st.lists(
        st.builds(
            entries.Finished,
            st.sampled_from(RunState),
            st.floats(0.0, 253_402_300_799.0),
            st.lists(st.builds(Advice, st.text(), st.text()), max_size=2).map(tuple),
            st.none() | st.text(),
        )
        | st.builds(entries.Kept, st.builds(Choice, *[st.integers(0, PRIME)] * 3))
        | st.builds(entries.RunDocument, st.text(), st.dictionaries(st.text(), st.integers()))
    )
)
def test_entries_come_back_from_their_lines(written: list[entries.Entry]) -> None:
    assert [entries.of_line(entries.as_line(entry)) for entry in written] == written


@given(st.text() | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps))
def test_a_line_that_is_no_entry_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"entry|Expecting|Invalid|Extra|Unterminated|newer"):
        entries.of_line(line)


@pytest.mark.parametrize("begun", ["", '{"sch', '{"schema":"tuner.spool/1","store":"sqlite'])
def test_a_file_that_a_full_disk_has_kept_empty_goes_by_itself(
    begun: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spool.FOLDER.mkdir(parents=True)
    path = spool.FOLDER / "run-1.jsonl"
    path.write_text(begun)
    os.utime(path, (1.0, 1.0))
    assert list(spool.delivered("sqlite:///x", lambda: pytest.fail("nothing waits"))) == []
    assert spool.waiting() == []
