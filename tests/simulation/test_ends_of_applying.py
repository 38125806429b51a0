"""How an application may end early, and what is not believed of files that others wrote."""

import os
from pathlib import Path
from typing import Any

import pytest

from simulation.account import NAME, Account
from simulation.service import refused
from simulation.state import Config
from tuner.api.left import look
from tuner.aws import applied as records
from tuner.aws.applied import read_record, record_path
from tuner.aws.apply import Application, ApplyOptions
from tuner.errors import TargetError, TunerError

RUN = "01JZZZZZZZZZZZZZZZZZZZZZZZ"
CHANGE = ApplyOptions(RUN, 640, "live")


def application(account: Account, folder: Path) -> Application:
    return Application(account.control(), NAME, folder, lambda _: None)


def test_ctrl_c_while_tags_go_leaves_an_application_that_stays(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(**_: Any) -> Config:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(account, "untag_resource", interrupted, raising=False)
        with pytest.raises(KeyboardInterrupt):
            application(account, tmp_path).apply(CHANGE)
    (left,), _ = look(tmp_path, tmp_path)
    assert left.said() == f"{NAME}: tags of an application are left; `tuner restore` removes them"
    assert "was set to 640 MB; tags of that are left" in left.line()
    assert left.pid == os.getpid()
    assert account.functions[NAME].tags
    assert left.back(account.control(), lambda _: None)
    assert not account.functions[NAME].tags
    assert account.latest()["MemorySize"] == 640
    assert look(tmp_path, tmp_path) == ([], [])
    application(account, tmp_path).undo(read_record(record_path(tmp_path, RUN)))
    assert account.latest()["MemorySize"] == 256


def test_tags_that_a_record_of_others_names_stay(account: Account, tmp_path: Path) -> None:
    done = application(account, tmp_path).apply(CHANGE)
    assert done is not None
    account.functions[NAME].tags.update({"team": "a", f"tuner:{RUN}": "x"})
    path = record_path(tmp_path, RUN)
    records.write_record(tmp_path, records.replace(done, tags=("team", f"tuner:{RUN}")))
    (left,), _ = look(tmp_path, tmp_path)
    left.back(account.control(), lambda _: None)
    assert account.functions[NAME].tags == {"team": "a"}
    account.functions[NAME].tags[f"tuner:{RUN}"] = "x"
    records.write_record(tmp_path, records.replace(done, tags=(f"tuner:{RUN}",)))
    path.write_text(path.read_text().replace('"seal": "', '"seal": "0'))
    (left,), _ = look(tmp_path, tmp_path)
    with pytest.raises(TargetError, match="nothing on it says"):
        left.back(account.control(), lambda _: None)
    assert f"tuner:{RUN}" in account.functions[NAME].tags


def test_an_application_is_undone_where_the_disk_fills_at_the_last_write(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = records.write_new

    def full(path: Path, data: bytes) -> int:
        if b'"complete": true' in data:
            raise OSError(28, "No space left on device")
        return write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(records, "write_new", full)
        with pytest.raises(TunerError, match="No space left on device") as caught:
            application(account, tmp_path).apply(CHANGE)
    assert "nothing was changed" not in str(caught.value)
    assert account.latest()["MemorySize"] == 256
    assert account.functions[NAME].aliases["live"]["FunctionVersion"] == "1"
    assert list(account.functions[NAME].versions) == ["1"]
    assert look(tmp_path, tmp_path) == ([], [])


def test_an_undo_that_others_keep_from_ending_is_left_to_restore(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = application(account, tmp_path).apply(CHANGE)
    assert done is not None

    def other(**_: Any) -> Config:
        raise refused(412, "PreconditionFailedException", "The Revision Id does not match")

    with monkeypatch.context() as patch:
        patch.setattr(account, "update_function_configuration", other, raising=False)
        with pytest.raises(TargetError, match="keeps changing it, so it could not be undone"):
            application(account, tmp_path).undo(done)
    (left,), _ = look(tmp_path, tmp_path)
    assert "`tuner restore`" in left.said()
    left.back(account.control(), lambda _: None)
    assert account.latest()["MemorySize"] == 256
    assert not account.functions[NAME].tags
