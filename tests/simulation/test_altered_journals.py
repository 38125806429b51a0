"""A journal that was altered by hand, or planted: what the function itself says counts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from simulation.account import NAME, Account
from simulation.service import refused
from tuner.api.left import look
from tuner.aws import tags
from tuner.errors import TargetError
from tuner.records import Setting
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.choices import Isolation
from tuner.targets.names import parse_target
from tuner.targets.seam import one_variant

Alter = Callable[[list[dict[str, Any]]], object]


@pytest.fixture
def killed(account: Account, tmp_path: Path) -> Callable[[], None]:
    """A run in place that is killed at 512 MB."""

    def measure() -> None:
        options = AwsOptions(journal=tmp_path, isolation=Isolation.IN_PLACE, clock=account.clock)
        target = AwsTarget(account.control(), parse_target(NAME), options)
        one_variant(target, Setting(512))
        target.close()

    return measure


def alter(folder: Path, how: Alter) -> None:
    (path,) = folder.glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    how(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def restore(account: Account, folder: Path) -> list[str]:
    """Restore what is left; what it says meanwhile."""
    (left,), _ = look(folder, folder)
    said: list[str] = []
    assert left.back(account.control(), said.append)
    return said


def say_3008(lines: list[dict[str, Any]]) -> None:
    lines[0]["before"].update(memory_mb=3008, description="theirs")


def test_a_journal_as_it_was_written_is_believed(
    account: Account, tmp_path: Path, killed: Callable[[], None]
) -> None:
    killed()
    alter(tmp_path, lambda _lines: None)
    (left,), _ = look(tmp_path, tmp_path)
    assert left.trusted
    assert restore(account, tmp_path) == []
    assert account.latest()["Description"] == "takes orders"


def test_tags_count_more_than_an_altered_journal(
    account: Account, tmp_path: Path, killed: Callable[[], None]
) -> None:
    killed()
    alter(tmp_path, say_3008)
    said = restore(account, tmp_path)
    latest = account.latest()
    assert (latest["MemorySize"], latest["Description"]) == (256, "takes orders")
    assert "says it had 3008 MB before; the function itself says 256 MB" in said[0]
    assert "says its description was 'theirs', and the function does not" in said[1]
    assert (account.functions[NAME].tags, look(tmp_path, tmp_path)) == ({}, ([], []))


def test_a_tag_that_lands_late_goes_although_the_journal_was_altered(
    account: Account,
    tmp_path: Path,
    killed: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put, sent = account.tag_resource, list[dict[str, Any]]()

    def slow(**parameters: Any) -> Any:
        sent.append(parameters)
        if len(sent) > 1:
            return put(**parameters)
        account.at(account.now + 30.0, lambda: put(**parameters))
        raise ReadTimeoutError(endpoint_url=account.meta.endpoint_url)

    monkeypatch.setattr(account, "tag_resource", slow)
    monkeypatch.setattr(tags, "_LINGERS_ON_LOOPBACK_S", 60.0)  # as on AWS
    killed()
    assert len(sent) == 2
    alter(tmp_path, say_3008)
    restore(account, tmp_path)
    account.clock.advance(60.0)
    account.latest()
    assert account.functions[NAME].tags == {}


def test_the_mark_in_the_description_counts_more_than_an_altered_journal(
    account: Account,
    tmp_path: Path,
    killed: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def denied(**_: Any) -> Any:
        raise refused(403, "AccessDeniedException", "no lambda:TagResource")

    monkeypatch.setattr(account, "tag_resource", denied)
    killed()
    assert account.functions[NAME].tags == {}
    alter(tmp_path, say_3008)
    said = restore(account, tmp_path)
    assert (account.latest()["MemorySize"], account.latest()["Description"]) == (256, "")
    assert "the function itself says 256 MB, which counts" in said[0]
    assert look(tmp_path, tmp_path) == ([], [])


@pytest.mark.parametrize("added", [False, True])
def test_memory_that_only_an_altered_step_claims_is_left(
    account: Account, tmp_path: Path, killed: Callable[[], None], added: bool
) -> None:
    killed()
    account.change(NAME, MemorySize=777, Description="build 7")
    account.latest()

    def claim(lines: list[dict[str, Any]]) -> None:
        sets = [line for line in lines if line.get("do") == "set"]
        if added:
            lines += [{**sets[-1], "memory_mb": 777}, {"did": True}]
        else:
            sets[-1].update(memory_mb=777)

    alter(tmp_path, claim)
    with pytest.raises(TargetError, match="it has 777 MB, and had 256 MB before"):
        restore(account, tmp_path)
    assert account.latest()["MemorySize"] == 777
    assert len(look(tmp_path, tmp_path)[0]) == 1


def test_a_step_that_was_taken_out_is_seen(
    account: Account, tmp_path: Path, killed: Callable[[], None]
) -> None:
    killed()
    alter(tmp_path, lambda lines: lines.pop(1))
    (left,), _ = look(tmp_path, tmp_path)
    assert not left.trusted
    assert restore(account, tmp_path) == []
    assert account.latest()["MemorySize"] == 256
