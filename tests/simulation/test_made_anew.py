"""A function that somebody has deleted and made anew after a size was applied to it or while it was
measured, and an update that fails while it is restored."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from simulation.account import NAME, Account
from tuner.api.left import look
from tuner.aws.applied import Applied, read_record, record_path, write_record
from tuner.aws.apply import Application, ApplyOptions
from tuner.aws.lost import lost_on
from tuner.errors import ChangedUnderneath, TargetError
from tuner.records import Setting
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.choices import Isolation
from tuner.targets.names import parse_target
from tuner.targets.seam import one_variant

RUN = "01JZZZZZZZZZZZZZZZZZZZZZZZ"


def application(account: Account, folder: Path, said: list[str] | None = None) -> Application:
    return Application(account.control(), NAME, folder, ([] if said is None else said).append)


def applied(account: Account, folder: Path, alias: str | None = None) -> Applied:
    done = application(account, folder).apply(ApplyOptions(RUN, 640, alias))
    assert done is not None
    account.latest()
    return done


def make_anew(account: Account, memory_mb: int = 640, **more: Any) -> None:
    """Delete it and make it again as it was, with versions and an alias that count anew."""
    account.clock.advance(1.0)
    del account.functions[NAME]
    account.add(NAME, MemorySize=memory_mb, **more)
    for text in ("first", "second"):
        account.change(NAME, Description=text)
        account.latest()
        account.publish(NAME, text)
    alias = {"Name": "live", "FunctionVersion": "2", "RevisionId": account.revision()}
    account.functions[NAME].aliases["live"] = alias


def make_anew_quickly(account: Account, memory_mb: int) -> None:
    """Delete it and make it again as it was, with one version."""
    account.clock.advance(0.1)
    del account.functions[NAME]
    account.add(NAME, MemorySize=memory_mb)
    account.publish(NAME, "first")


@pytest.mark.parametrize("alias", [None, "live"])
def test_the_former_size_is_not_written_to_a_function_made_anew(
    account: Account, tmp_path: Path, alias: str | None
) -> None:
    applied(account, tmp_path, alias)
    make_anew(account)
    before = account.latest()
    with pytest.raises(ChangedUnderneath, match=r"640 MB.* may be somebody else's") as caught:
        application(account, tmp_path).undo(read_record(record_path(tmp_path, RUN)))
    assert f"--function-name {NAME} --memory-size 256" in caught.value.fix
    assert account.latest() == before
    assert account.functions[NAME].aliases["live"]["FunctionVersion"] == "2"
    assert list(account.functions[NAME].versions) == ["1", "2"]
    assert read_record(record_path(tmp_path, RUN)).complete


def test_one_that_is_made_anew_while_its_undo_begins_is_left(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, tag = applied(account, tmp_path), account.tag_resource

    def tagged(**parameters: Any) -> Any:
        tag(**parameters)
        make_anew(account)
        return {}

    monkeypatch.setattr(account, "tag_resource", tagged)
    with pytest.raises(ChangedUnderneath, match="made anew"):
        application(account, tmp_path).undo(done)
    assert account.latest()["MemorySize"] == 640


def test_one_made_anew_right_before_the_tags_of_its_undo_is_left(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, tag = applied(account, tmp_path), account.tag_resource

    def tagged(**parameters: Any) -> Any:
        make_anew(account)
        return tag(**parameters)

    monkeypatch.setattr(account, "tag_resource", tagged)
    with pytest.raises(ChangedUnderneath, match="made anew"):
        application(account, tmp_path).undo(done)
    assert account.latest()["MemorySize"] == 640
    assert account.functions[NAME].tags == {}


def test_one_that_is_made_anew_while_a_size_is_set_is_left(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = account.update_function_configuration

    def updated(**parameters: Any) -> Any:
        answer = update(**parameters)
        monkeypatch.undo()
        make_anew(account)
        return answer

    monkeypatch.setattr(account, "update_function_configuration", updated)
    with pytest.raises(ChangedUnderneath):
        applied(account, tmp_path)
    assert account.latest()["MemorySize"] == 640
    (left,), _ = look(tmp_path, tmp_path)
    assert "orders is at 640 MB" in left.said()
    with pytest.raises(ChangedUnderneath, match="640 MB may be somebody else's") as caught:
        left.back(account.control(), lambda _: None)
    assert f"then delete {record_path(tmp_path, RUN)}" in caught.value.fix


def test_an_interrupted_application_is_not_undone_on_one_made_anew(
    account: Account, tmp_path: Path
) -> None:
    done, said = applied(account, tmp_path), list[str]()
    write_record(tmp_path, Applied(**{**vars(done), "complete": False, "tags": (f"tuner:{RUN}",)}))
    make_anew(account)
    (left,), _ = look(tmp_path, tmp_path)
    with pytest.raises(ChangedUnderneath, match="or made anew, and no version of then is left"):
        left.back(account.control(), said.append)
    assert account.latest()["MemorySize"] == 640


def test_one_made_anew_after_an_alias_is_back_by_its_tags_is_left(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(**_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(account, "untag_resource", interrupted)
        with pytest.raises(KeyboardInterrupt):
            applied(account, tmp_path, "live")
    point, said = account.update_alias, list[str]()

    def pointed(**parameters: Any) -> Any:
        answer = point(**parameters)
        make_anew(account)
        return answer

    monkeypatch.setattr(account, "update_alias", pointed)
    (lost,) = lost_on(account.control(), NAME)
    with pytest.raises(ChangedUnderneath, match="640 MB and where live points may be") as caught:
        lost.back(said.append)
    assert account.latest()["MemorySize"] == 640
    assert "point live at version 1" in caught.value.fix


def test_a_tag_that_was_sent_again_does_not_make_another_function_ours(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, tag, sent = applied(account, tmp_path), account.tag_resource, list[Any]()

    def lost(**parameters: Any) -> Any:
        sent.append(parameters)
        tag(**parameters)
        if len(sent) > 1:
            return {}
        make_anew(account)
        raise ReadTimeoutError(endpoint_url="https://lambda")

    monkeypatch.setattr(account, "tag_resource", lost)
    with pytest.raises(ChangedUnderneath, match="made anew"):
        application(account, tmp_path).undo(done)
    assert account.latest()["MemorySize"] == 640
    assert account.functions[NAME].tags == {}


def test_a_tag_that_lands_late_on_one_made_anew_is_removed(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag, update = account.tag_resource, account.update_function_configuration
    sent: list[Any] = []
    landed: list[float] = []

    def late(**parameters: Any) -> Any:
        def lands() -> None:
            tag(**parameters)
            landed.append(account.now)

        sent.append(parameters)
        if len(sent) > 1:
            return tag(**parameters)
        account.at(account.now + 4.0, lands)
        raise ReadTimeoutError(endpoint_url="https://lambda")

    def updated(**parameters: Any) -> Any:
        answer = update(**parameters)
        make_anew_quickly(account, 640)
        return answer

    monkeypatch.setattr(account, "tag_resource", late)
    monkeypatch.setattr(account, "update_function_configuration", updated)
    with pytest.raises(ChangedUnderneath):
        applied(account, tmp_path)
    assert account.latest()["MemorySize"] == 640
    assert landed
    assert account.functions[NAME].tags == {}


def test_nothing_is_applied_to_one_made_anew_while_tags_were_put(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = account.tag_resource

    def tagged(**parameters: Any) -> Any:
        tag(**parameters)
        make_anew_quickly(account, 256)
        return {}

    monkeypatch.setattr(account, "tag_resource", tagged)
    with pytest.raises(ChangedUnderneath):
        applied(account, tmp_path)
    assert account.latest()["MemorySize"] == 256
    assert look(tmp_path, tmp_path) == ([], [])


@pytest.mark.parametrize("field", ["CodeSha256", "Role", "Timeout", "Description"])
def test_a_deployment_since_then_does_not_hinder_an_undo(
    account: Account, tmp_path: Path, field: str
) -> None:
    done = applied(account, tmp_path)
    account.change(NAME, **{field: 9 if field == "Timeout" else "other"})
    account.latest()
    application(account, tmp_path).undo(done)
    assert account.latest()["MemorySize"] == 256


def test_without_any_version_an_untouched_function_is_known_by_its_time(
    account: Account, tmp_path: Path
) -> None:
    account.functions[NAME].versions.clear()
    account.functions[NAME].aliases.clear()
    done = applied(account, tmp_path)
    account.functions[NAME].versions.clear()
    application(account, tmp_path).undo(done)
    assert account.latest()["MemorySize"] == 256


def killed_in_place(account: Account, folder: Path) -> None:
    options = AwsOptions(journal=folder, isolation=Isolation.IN_PLACE, clock=account.clock)
    target = AwsTarget(account.control(), parse_target(NAME), options)
    one_variant(target, Setting(512))
    target.close()


def test_a_size_of_a_run_on_a_function_made_anew_is_told_and_left(
    account: Account, tmp_path: Path
) -> None:
    killed_in_place(account, tmp_path)
    make_anew(account, 512)
    (left,), _ = look(tmp_path, tmp_path)
    with pytest.raises(TargetError, match="512 MB may be somebody else's") as caught:
        left.back(account.control(), lambda _: None)
    assert "it had 256 MB" in caught.value.fix
    assert account.latest()["MemorySize"] == 512
    assert len(look(tmp_path, tmp_path)[0]) == 1


@pytest.mark.parametrize("lost", ["tags", "description"])
def test_memory_goes_back_while_tags_or_description_name_the_run(
    account: Account, tmp_path: Path, lost: str
) -> None:
    killed_in_place(account, tmp_path)
    if lost == "tags":
        account.functions[NAME].tags.clear()
    else:
        account.change(NAME, Description="build 7")
        account.latest()
    (left,), _ = look(tmp_path, tmp_path)
    assert left.back(account.control(), lambda _: None)
    assert account.latest()["MemorySize"] == 256


def fail_updates(account: Account, failures: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let so many updates fail after they were accepted."""
    update, left = account.update_function_configuration, [failures]

    def fails(**parameters: Any) -> Any:
        left[0] -= 1
        account.fails = 1.0 if left[0] >= 0 else 0.0
        return update(**parameters)

    monkeypatch.setattr(account, "update_function_configuration", fails)


@pytest.mark.parametrize(("failures", "restored"), [(2, True), (99, False)])
def test_an_update_that_fails_while_restoring_is_made_again(
    account: Account,
    tmp_path: Path,
    failures: int,
    restored: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed_in_place(account, tmp_path)
    fail_updates(account, failures, monkeypatch)
    (left,), _ = look(tmp_path, tmp_path)
    if restored:
        assert left.back(account.control(), lambda _: None)
    else:
        with pytest.raises(TargetError, match=r"restores it failed \(EniLimitExceeded\)"):
            left.back(account.control(), lambda _: None)
    assert bool(look(tmp_path, tmp_path)[0]) != restored
    assert account.latest()["MemorySize"] == 256


@pytest.mark.parametrize(("failures", "undone"), [(2, True), (99, False)])
def test_an_update_that_fails_while_undoing_is_made_again(
    account: Account, tmp_path: Path, failures: int, undone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = applied(account, tmp_path)
    fail_updates(account, failures, monkeypatch)
    if undone:
        application(account, tmp_path).undo(done)
    else:
        with pytest.raises(TargetError, match="its last update failed"):
            application(account, tmp_path).undo(done)
    assert account.latest()["MemorySize"] == 256
    assert (account.functions[NAME].tags == {}) == undone
    assert bool(look(tmp_path, tmp_path)[0]) != undone
