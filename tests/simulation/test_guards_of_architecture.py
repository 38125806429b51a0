"""What keeps an application of another architecture from writing over other hands' changes."""

from pathlib import Path
from typing import Any

import pytest

from simulation.account import NAME, Account
from tuner.api.left import look
from tuner.aws.applied import read_record, record_path
from tuner.aws.apply import Application, ApplyOptions
from tuner.errors import ChangedUnderneath, TargetError

RUN = "01JZZZZZZZZZZZZZZZZZZZZZZZ"
CHANGE = ApplyOptions(RUN, 640, arch="arm64")


def application(account: Account, folder: Path) -> Application:
    return Application(account.control(), NAME, folder, lambda _: None)


def test_a_package_that_is_not_what_lambda_says_is_not_sent_again(
    account: Account, tmp_path: Path
) -> None:
    account.change(NAME, CodeSha256="another")
    before = account.latest()
    with pytest.raises(TargetError, match="does not match the function's CodeSha256"):
        application(account, tmp_path).apply(CHANGE)
    assert account.latest() == before
    assert look(tmp_path, tmp_path) == ([], [])


def test_memory_that_others_set_while_the_architecture_changes_stays(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = account.update_function_code

    def updated(**parameters: Any) -> Any:
        answer = update(**parameters)
        account.latest()
        account.change(NAME, MemorySize=777)
        account.latest()
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(account, "update_function_code", updated)
        with pytest.raises(ChangedUnderneath):
            application(account, tmp_path).apply(CHANGE)
    assert account.latest()["MemorySize"] == 777


def test_the_architecture_of_a_function_made_anew_during_an_undo_stays(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    application(account, tmp_path).apply(CHANGE)
    update = account.update_function_configuration

    def updated(**parameters: Any) -> Any:
        answer = update(**parameters)
        account.latest()
        account.clock.advance(1.0)
        del account.functions[NAME]
        account.add(NAME, MemorySize=256, Architectures=["arm64"])
        return answer

    monkeypatch.setattr(account, "update_function_configuration", updated)
    with pytest.raises(ChangedUnderneath, match="arm64 may be somebody else's"):
        application(account, tmp_path).undo(read_record(record_path(tmp_path, RUN)))
    assert account.latest()["Architectures"] == ["arm64"]
