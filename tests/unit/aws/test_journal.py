"""The journal: on disk before the change, private, readable after any end."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tuner.aws.applied import Applied, parse_record, read_record
from tuner.aws.journal import (
    MARK,
    SCHEMA,
    Before,
    Journal,
    JournalEntry,
    JournalHeader,
    claimed,
    discard,
    parse_journal,
    pending,
)
from tuner.aws.seal import take_seal
from tuner.errors import TargetError

OPENING = JournalHeader(
    id="01JZZZZZZZZZZZZZZZZZZZZZZZ",
    function="orders",
    arn="arn:aws:lambda:eu-west-1:000000000000:function:orders",
    region="eu-west-1",
    endpoint_url="http://127.0.0.1:4577",
    profile=None,
    before=Before(128, "takes orders", "rev-1", "sha="),
    opened_at=1_767_225_600.0,
    pid=1,
)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path, OPENING)
    journal.will("set", memory_mb=512, description="d", revision_id="rev-1")
    journal.did(revision_id="rev-2")
    journal.will("publish", description="d (version)")
    journal.close()
    (entry,) = pending(tmp_path)
    assert entry.header == OPENING
    assert entry.steps == (
        {"do": "set", "memory_mb": 512, "description": "d", "revision_id": "rev-1"},
        {"did": True, "revision_id": "rev-2"},
        {"do": "publish", "description": "d (version)"},
    )
    assert entry.unconfirmed("set") is None
    assert entry.unconfirmed("publish") == {"do": "publish", "description": "d (version)"}
    assert not entry.running


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / "journal", OPENING)
    (file,) = (tmp_path / "deep" / "journal").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    journal.close()


def test_a_finished_journal_leaves_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path, OPENING)
    journal.finish()
    assert list(tmp_path.iterdir()) == []
    assert pending(tmp_path) == []


def test_a_directory_that_is_not_there_has_nothing_pending(tmp_path: Path) -> None:
    assert pending(tmp_path / "none") == []


def test_a_living_run_is_told_from_a_dead_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path, OPENING)
    (entry,) = pending(tmp_path)
    assert entry.running
    with claimed(entry) as ours:
        assert not ours
    journal.close()
    (entry,) = pending(tmp_path)
    assert not entry.running
    with claimed(entry) as ours:
        assert ours


def test_only_one_at_a_time_can_put_back(tmp_path: Path) -> None:
    Journal(tmp_path, OPENING).close()
    (entry,) = pending(tmp_path)
    with claimed(entry) as first, claimed(entry) as second:
        assert (first, second) == (True, False)
    discard(entry)
    discard(entry)
    with claimed(entry) as ours:
        assert not ours


def test_every_step_is_on_disk_when_a_process_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from tuner.aws.journal import *\n"
        f"j = Journal(Path({str(tmp_path)!r}), {OPENING!r})\n"
        "j.will('set', memory_mb=512, description='d', revision_id='rev-1')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    (entry,) = pending(tmp_path)
    assert not entry.running
    step = entry.unconfirmed("set")
    assert step is not None
    assert step["memory_mb"] == 512


def test_a_step_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path, OPENING)
    journal.will("set", memory_mb=512, description="d", revision_id="rev-1")
    journal.close()
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    first_line = whole.index(b"\n") + 1
    for end in range(first_line, len(whole)):
        _, steps, _ = parse_journal(whole[:end], "cut")
        assert steps == ()


def test_a_place_that_cannot_be_written_is_an_error_before_anything_is_changed(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TargetError, match="journal of changes cannot be used") as caught:
        Journal(tmp_path / "file" / "journal", OPENING)
    assert "no change is begun without it" in caught.value.fix


def test_a_full_disk_is_an_error_of_the_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path, OPENING)
    assert journal._file is not None
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, journal._file)
    os.close(full)
    with pytest.raises(TargetError, match="No space left"):
        journal.will("set", memory_mb=1, description="d", revision_id="r")
    journal.close()


def test_without_a_directory_it_is_kept_in_memory() -> None:
    journal = Journal(None, OPENING)
    journal.will("publish", description="d")
    assert journal.entry().written("publish") == [{"do": "publish", "description": "d"}]
    journal.finish()


@given(st.binary(max_size=300))
def test_bytes_that_are_no_journal_are_an_error_that_names_the_file(data: bytes) -> None:
    with pytest.raises(TargetError, match="name-of-file"):
        parse_journal(data, "name-of-file")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    key=st.sampled_from(["id", "function", "arn", "region", "before", "opened_at", "pid"]),
    value=JSON,
)
def test_a_first_line_with_a_wrong_value_is_read_or_refused_but_never_breaks(
    key: str, value: object
) -> None:
    first = {
        "schema": SCHEMA,
        "id": "x",
        "function": "f",
        "arn": "a",
        "region": "r",
        "endpoint_url": "u",
        "profile": None,
        "before": {"memory_mb": 1, "description": "", "revision_id": "r", "code_sha256": "c"},
        "opened_at": 1.0,
        "pid": 1,
        key: value,
    }
    try:
        opening, steps, _ = parse_journal(json.dumps(first).encode() + b"\n", "n")
    except TargetError:
        return
    assert isinstance(opening, JournalHeader)
    assert steps == ()


STEP = st.fixed_dictionaries(
    {"do": st.sampled_from(["set", "publish", "put-back", "provision", "tag", "create", 5])},
    optional={
        key: st.integers(128, 512) | st.text(max_size=5) | JSON
        for key in (
            *("memory_mb", "description", "revision_id", "version", "keys", "tagged", "until"),
            *("modified", "attempts", "did", "snap_start", "perhaps"),
        )
    },
)


@given(st.lists(STEP | JSON, max_size=4))
@example([{"do": "set"}])
@example([{"do": "set", "memory_mb": True, "description": "", "revision_id": ""}])
@example([{"do": "publish"}, {"did": True, "until": "later"}])
def test_steps_with_wrong_values_are_refused_or_can_be_restored_from(steps: list[object]) -> None:
    first = {"schema": SCHEMA, **asdict(OPENING)}
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in (first, *steps))
    try:
        entry = JournalEntry(*parse_journal(lines, "n")[:2])
    except TargetError:
        return
    assert isinstance(entry.size_mb(), int) and isinstance(entry.modified(), str)
    assert all(isinstance(one["description"], str) for one in entry.written("publish"))
    assert all(isinstance(one["version"], str) for one in entry.written("provision"))
    assert sum(one.get("attempts", 1) for one in entry.steps) >= 0 or entry.steps
    assert max([0.0, *(one.get("until", 0.0) for one in entry.steps)]) is not None


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir], ids=["pipe", "folder"])
def test_what_is_no_plain_file_is_an_error_at_once(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "a.jsonl")
    with pytest.raises(TargetError, match="journal of changes cannot be used"):
        pending(tmp_path)
    (tmp_path / "applied").mkdir()
    make(tmp_path / "applied/a.json")
    with pytest.raises(TargetError, match="cannot be read"):
        read_record(tmp_path / "applied/a.json")


RECORD = {
    "schema": "tuner.applied/1",
    "run": OPENING.id,
    "arn": OPENING.arn,
    "region": "eu-west-1",
    "endpoint_url": "http://127.0.0.1:9",
    "profile": None,
    "before_mb": 128,
    "memory_mb": 512,
    "published": ["a"],
    "complete": False,
}


@given(st.text(max_size=30) | JSON.map(json.dumps))
def test_a_text_that_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_record(text)


@given(
    st.dictionaries(
        st.sampled_from([*(field.name for field in fields(Applied)), "seal", "x"]),
        JSON | st.integers(-5, 10**9) | st.just(RECORD),
        max_size=3,
    )
)
@example({"run": "../../x"})
@example({"before_mb": True})
@example({"since": {**RECORD, "published": "text"}})
@example({"published": 5})
def test_a_record_is_read_with_each_value_of_its_type_or_refused(change: dict[str, Any]) -> None:
    try:
        done, sealed = parse_record(json.dumps({**RECORD, **change}))
    except ValueError:
        return
    assert not sealed
    assert done.run.isalnum() and type(done.before_mb) is type(done.memory_mb) is int
    assert all(isinstance(text, str) for text in (done.arn, *done.published, *done.tags))
    assert done.since is None or isinstance(done.since, Applied)


def test_a_description_of_ours_is_never_mistaken_for_the_users() -> None:
    assert MARK.match(OPENING.mark)
    assert not MARK.match("tuner of guitars")
    assert not MARK.match("takes orders")


_SEALS = """
import json, sys
from tuner.aws.seal import sealed
print(json.dumps(sealed({"number": sys.argv[1]})))
"""


def test_seals_of_processes_that_begin_at_once_all_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    begun = [
        subprocess.Popen([sys.executable, "-c", _SEALS, str(n)], stdout=subprocess.PIPE)
        for n in range(8)
    ]
    made = [json.loads(one.communicate()[0]) for one in begun]
    assert all(take_seal(one) for one in made)
