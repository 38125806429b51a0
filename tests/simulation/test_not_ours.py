"""What a journal or a record claims and the function does not bear out is left alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from simulation.account import NAME, Account
from simulation.state import REGION
from tuner.aws.applied import read_record, record_path, write_record
from tuner.aws.apply import Application, ApplyOptions
from tuner.aws.journal import Before, JournalEntry, JournalHeader, Step
from tuner.aws.restore import restore_function
from tuner.errors import TargetError

RUN = "01JZZZZZZZZZZZZZZZZZZZZZZZ"
MARK = f"tuner {RUN} "


def entry(account: Account, *steps: Step, running: bool = False, arn: str = "") -> JournalEntry:
    latest = account.latest()
    own = arn or latest["FunctionArn"]
    header = JournalHeader(
        *(RUN, NAME, own, REGION, "http://nowhere", None, Before.of(latest), 0.0, 1)
    )
    return JournalEntry(header, steps, running=running)


def set_to(memory_mb: int) -> Step:
    return {"do": "set", "memory_mb": memory_mb, "description": f"{MARK}1: x", "revision_id": "r"}


def published(description: str) -> Step:
    return {"do": "publish", "description": description, "revision_id": "r"}


def publish(account: Account, description: str) -> str:
    """Another version each time, since Lambda makes none of what has not changed."""
    latest = account.latest()
    account.change(NAME, MemorySize=1000 + account.functions[NAME].made)
    account.latest()
    number = str(account.publish(NAME, description)["Version"])
    account.change(NAME, MemorySize=latest["MemorySize"])
    account.latest()
    return number


@pytest.mark.parametrize(
    ("steps", "running"),
    [
        ((set_to(512), {"did": True}), False),
        (
            (
                *(set_to(512), {"did": True}, published(f"{MARK}1: x (version)"), {"did": True}),
                *({"do": "put-back"}, {"did": True}),
            ),
            True,
        ),
    ],
    ids=["latest", "versions"],
)
def test_a_function_of_that_name_in_another_account_is_left(
    account: Account, steps: tuple[Step, ...], running: bool
) -> None:
    other = f"arn:aws:lambda:{REGION}:999999999999:function:{NAME}"
    made = entry(account, *steps, running=running, arn=other)
    account.change(NAME, MemorySize=256 if running else 512)
    theirs = publish(account, f"{MARK}1: x (version)")
    before = account.latest()
    with pytest.raises(TargetError, match="with these credentials and this region the name refers"):
        restore_function(made, account.control())
    assert account.latest() == before
    assert theirs in account.functions[NAME].versions


def test_only_versions_with_the_runs_own_descriptions_are_deleted(account: Account) -> None:
    ours = publish(account, f"{MARK}1: x (version)")
    unmarked, unpublished = publish(account, "theirs"), publish(account, f"{MARK}notes")
    made = entry(account, published(f"{MARK}1: x (version)"), published("theirs"))
    restore_function(made, account.control())
    versions = account.functions[NAME].versions
    assert ours not in versions
    assert unmarked in versions and unpublished in versions


def test_an_undo_deletes_no_version_that_applying_does_not_describe(
    account: Account, tmp_path: Path
) -> None:
    application = Application(account.control(), NAME, tmp_path, lambda _: None)
    application.apply(ApplyOptions(RUN, 640, publish=True))
    done = read_record(record_path(tmp_path, RUN))
    theirs = publish(account, "theirs")
    write_record(tmp_path, replace(done, published=(*done.published, "theirs")))
    application.undo(read_record(record_path(tmp_path, RUN)))
    assert sorted(account.functions[NAME].versions) == ["1", theirs]
