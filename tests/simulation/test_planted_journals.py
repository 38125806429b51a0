"""Journals that came with somebody else's files, and what they may not do."""

import json
from pathlib import Path
from typing import Any

import pytest

from simulation.account import NAME, Account
from simulation.state import PREFIX, REGION
from tuner.api.left import Left, look
from tuner.aws.tags import MEASURED, key_of, marks, put_tags, remove_tags, tags_of
from tuner.errors import TargetError
from tuner.options.function import Account as Where

RUN, OTHER = "01JZZZZZZZZZZZZZZZZZZZZZZZ", "01JZZZZZZZZZZZZZZZZZZZZZZY"
URL = f"https://lambda.{REGION}.amazonaws.com"


def plant(folder: Path, *steps: Any, run: str = RUN, **more: Any) -> None:
    before = {"memory_mb": 128, "description": "owned", "revision_id": "", "code_sha256": "x"}
    header = {
        "schema": "tuner.journal/1",
        "id": run,
        "function": NAME,
        "arn": PREFIX + NAME,
        "region": REGION,
        "endpoint_url": URL,
        "profile": None,
        "before": {**before, "last_modified": ""},
        "opened_at": 1.0,
        "pid": 1,
        "assume_role": None,
        "clone": None,
        **more,
    }
    (folder / "planted.jsonl").write_text(
        "".join(f"{json.dumps(each)}\n" for each in (header, *steps))
    )


def planted(folder: Path) -> Left:
    (left,), problems = look(folder, folder)
    assert not problems and not left.trusted
    return left


@pytest.mark.parametrize("run", ["team", "tuner", "e", "", RUN.lower()])
def test_the_id_of_a_run_is_a_ulid(tmp_path: Path, run: str) -> None:
    plant(tmp_path, run=run)
    found, (problem,) = look(tmp_path, tmp_path)
    assert not found and "cannot be read as a journal" in str(problem)


def test_one_that_the_function_does_not_bear_out_changes_nothing(
    account: Account, tmp_path: Path
) -> None:
    snap_start = {"ApplyOn": "PublishedVersions"}
    account.change(NAME, MemorySize=512, Description=f"tuner {OTHER} 1", SnapStart=snap_start)
    before = account.latest()
    tags = {"team": "a", f"tuner:{OTHER}": "measured", f"{RUN} of ours": "b"}
    account.functions[NAME].tags.update(tags)
    step = {"memory_mb": 512, "description": "", "revision_id": "r", "snap_start": True}
    plant(tmp_path, {"do": "set", **step}, {"did": True, "tagged": list(tags)})
    with pytest.raises(TargetError, match=f"run {RUN} has set its 512 MB and SnapStart"):
        planted(tmp_path).back(account.control(), lambda _: None)
    assert account.latest() == before
    assert account.functions[NAME].tags == tags


def test_one_whose_run_the_function_names_removes_only_tags_of_that_run(
    account: Account, tmp_path: Path
) -> None:
    kept = {"team": "a", f"tuner:{OTHER}": "measured", f"{RUN} of ours": "b"}
    account.functions[NAME].tags.update(kept)
    account.functions[NAME].tags.update(tags_of(key_of(RUN), MEASURED, 0.0, memory=256))
    plant(tmp_path, {"did": True, "tagged": [*kept, key_of(RUN)]})
    assert planted(tmp_path).back(account.control(), lambda _: None)
    assert account.functions[NAME].tags == kept
    assert account.latest()["Description"] == "takes orders"


def test_a_copy_that_only_it_names_is_left(account: Account, tmp_path: Path) -> None:
    name = f"tuner-{RUN.lower()}-{NAME}"
    account.add(name, Description="production")
    plant(tmp_path, {"do": "create"}, {"did": True}, clone=PREFIX + name)
    planted(tmp_path).back(account.control(), lambda _: None)
    assert name in account.functions


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"endpoint_url": "https://abc.execute-api.eu-west-1.amazonaws.com"}, "endpoint-url"),
        ({"endpoint_url": "https://bucket.s3.amazonaws.com/"}, "endpoint-url"),
        ({"endpoint_url": "https://lambda.eu-west-1.amazonaws.com.evil.example"}, "endpoint-url"),
        ({"profile": "production"}, "profile"),
        ({"assume_role": "arn:aws:iam::123456789012:role/admin"}, "assume-role"),
    ],
)
def test_it_says_neither_where_nor_as_whom_requests_are_sent(
    tmp_path: Path, more: dict[str, str], word: str
) -> None:
    plant(tmp_path, **more)
    with pytest.raises(TargetError, match=f"names the {word} ") as caught:
        planted(tmp_path).restore(lambda _: None, Where())
    assert f"add --{word} " in caught.value.fix


def test_nobody_is_asked_how_a_function_is_that_only_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    monkeypatch.setattr("tuner.aws.session.open_session", opened.append)
    plant(tmp_path, endpoint_url="http://192.0.2.2:8099")
    left = planted(tmp_path)
    assert left.as_it_is(Where()) is left
    assert not opened


def test_tags_of_a_long_application_are_read_whole(account: Account) -> None:
    control, long = account.control(), "x" * 3000
    put_tags(control, PREFIX + NAME, tags_of(key_of(RUN), MEASURED, 0.0, memory=256, made=long))
    (mark,) = marks(control, control.configuration(NAME))
    assert len(mark.keys) > 10
    assert mark.values["made"] == long


def test_no_file_makes_removing_tags_wait_for_long(account: Account) -> None:
    began = account.clock.monotonic()
    remove_tags(account.control(), PREFIX + NAME, [key_of(RUN)], until_s=1e12)
    assert account.clock.monotonic() - began < 120.0
