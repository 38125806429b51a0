"""What other hands may do to a function that is being applied to or restored, one case each; the
random runs beside this file have found them."""

from pathlib import Path
from typing import Any

import pytest

from simulation.account import NAME, Account
from simulation.state import REGION, Config
from tuner.api.left import look
from tuner.aws.applied import Applied, read_record, record_path, write_record
from tuner.aws.apply import Application, ApplyOptions
from tuner.aws.journal import Before, JournalEntry, JournalHeader
from tuner.aws.lost import lost_on
from tuner.aws.restore import restore_latest
from tuner.aws.tags import MEASURED, key_of, tags_of
from tuner.errors import ChangedUnderneath, TargetError
from tuner.records import SNAP_START, Setting
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.names import parse_target
from tuner.targets.seam import one_variant

RUN, OTHER = "01JZZZZZZZZZZZZZZZZZZZZZZZ", "01JZZZZZZZZZZZZZZZZZZZZZZY"
SNAPSHOT = Setting(512, start=SNAP_START)


def application(account: Account, folder: Path, said: list[str] | None = None) -> Application:
    return Application(account.control(), NAME, folder, ([] if said is None else said).append)


def applied(account: Account, folder: Path) -> Applied:
    done = application(account, folder).apply(ApplyOptions(RUN, 640, "live"))
    assert done is not None
    return done


def restored_by_old_reads(account: Account, folder: Path, done: Applied, old: Config) -> None:
    """Undo an interrupted application while reads show what was there before it."""
    write_record(folder, done)
    account.latest()
    account.stale = old
    (left,), _ = look(folder, folder)
    left.back(account.control(), lambda _: None)


def test_an_undo_goes_on_without_an_alias_that_was_deleted(
    account: Account, tmp_path: Path
) -> None:
    done, said = applied(account, tmp_path), list[str]()
    del account.functions[NAME].aliases["live"]
    with pytest.raises(ChangedUnderneath, match="it was deleted"):
        application(account, tmp_path, said).undo(done)
    assert account.latest()["MemorySize"] == 256
    assert list(account.functions[NAME].versions) == ["1"]
    assert not account.functions[NAME].tags
    assert "live: it was deleted; left alone" in said[0]


def test_an_alias_whose_former_version_is_deleted_is_named_and_kept(
    account: Account, tmp_path: Path
) -> None:
    done, said = applied(account, tmp_path), list[str]()
    del account.functions[NAME].versions["1"]
    with pytest.raises(TargetError, match="Point your aliases at other versions"):
        application(account, tmp_path, said).undo(done)
    assert account.latest()["MemorySize"] == 256
    assert account.functions[NAME].aliases["live"]["FunctionVersion"] == "2"
    assert "version 1 was deleted, so it still points at version 2" in said[0]
    assert look(tmp_path, tmp_path)[0]


def test_an_alias_that_was_moved_meanwhile_is_not_moved_by_applying(
    account: Account, tmp_path: Path
) -> None:
    account.publish(NAME, "theirs")
    account.functions[NAME].versions["9"] = account.functions[NAME].versions["1"]
    account.published = lambda: account.point("9")
    with pytest.raises(ChangedUnderneath, match="somebody has pointed it at version 9"):
        applied(account, tmp_path)
    assert account.functions[NAME].aliases["live"]["FunctionVersion"] == "9"
    assert account.latest()["MemorySize"] == 256


def test_an_alias_that_others_moved_to_the_same_version_stays_there(
    account: Account, tmp_path: Path
) -> None:
    done = Applied(
        *(RUN, account.functions[NAME].latest["FunctionArn"], REGION, "http://nowhere", None),
        *(256, 640, "live", "1", "2"),
        complete=False,  # and no move of the alias was begun
    )
    write_record(tmp_path, done)
    account.change(NAME, MemorySize=640)
    account.latest()
    account.publish(NAME, "theirs")
    account.point("2")
    (left,), _ = look(tmp_path, tmp_path)
    left.back(account.control(), lambda _: None)
    assert account.functions[NAME].aliases["live"]["FunctionVersion"] == "2"
    assert account.latest()["MemorySize"] == 256


def test_nothing_is_undone_while_another_run_has_the_function(
    account: Account, tmp_path: Path
) -> None:
    done = applied(account, tmp_path)
    account.functions[NAME].tags.update(tags_of(key_of(OTHER), MEASURED, 0.0, memory=640))
    with pytest.raises(TargetError, match=f"run {OTHER} is changing it"):
        application(account, tmp_path).undo(done)
    assert account.latest()["MemorySize"] == 640
    assert read_record(record_path(tmp_path, RUN)).complete
    account.functions[NAME].tags.clear()
    application(account, tmp_path).undo(done)
    assert account.latest()["MemorySize"] == 256


def test_memory_that_another_run_has_set_is_not_taken_for_ours(account: Account) -> None:
    before = Before.of(account.functions[NAME].latest)
    arn = account.functions[NAME].latest["FunctionArn"]
    header = JournalHeader(RUN, NAME, arn, REGION, "http://nowhere", None, before, 0.0, 1)
    ours = {"memory_mb": 512, "description": f"tuner {RUN} 1: 512 MB", "revision_id": "r"}
    entry = JournalEntry(header, ({"do": "set", **ours}, {"did": True}))
    account.change(NAME, MemorySize=512, Description=f"tuner {OTHER} 1: 512 MB")
    assert restore_latest(entry, account.control())["MemorySize"] == 512
    account.change(NAME, Description="build 7")  # no run's: then it is what we set last
    assert restore_latest(entry, account.control())["MemorySize"] == 256


def test_memory_that_goes_back_under_a_deployment_is_told(
    account: Account, target: AwsTarget, tmp_path: Path
) -> None:
    maker = target._deployed._open_maker()
    maker.hold(512)
    account.change(NAME, MemorySize=512, Description="build 7", Timeout=60)
    account.latest()
    target.close()
    (left,), _ = look(tmp_path, tmp_path)
    said: list[str] = []
    control = account.control()
    control.tell = said.append
    assert left.back(control, said.append)
    now = account.latest()
    assert (now["MemorySize"], now["Description"], now["Timeout"]) == (256, "build 7", 60)
    assert any("memory went back from 512 MB" in one and "set it again" in one for one in said)


def test_a_size_of_ours_that_others_set_after_it_went_back_stays(
    account: Account, target: AwsTarget
) -> None:
    maker, update = target._deployed._open_maker(), account.update_function_configuration

    def updated(**parameters: Any) -> Config:
        answer = update(**parameters)
        if parameters["MemorySize"] == 256:
            account.at(account.now + 5.0, lambda: deploy(account))
            account.clock.advance(5.0)
        return answer

    account.update_function_configuration = updated  # type: ignore[method-assign]
    with pytest.raises(ChangedUnderneath):
        maker.make([512])
    target.restore()
    assert (account.latest()["MemorySize"], account.latest()["Timeout"]) == (512, 60)


def deploy(account: Account) -> None:
    account.change(NAME, MemorySize=512, Timeout=60)


def test_snapstart_that_only_tags_say_was_off_is_told_and_left(account: Account) -> None:
    tags = tags_of(key_of(RUN), MEASURED, 0.0, memory=256)
    account.change(NAME, SnapStart={"ApplyOn": "PublishedVersions"}, Description="build 7")
    account.functions[NAME].tags.update(tags)
    (lost,) = lost_on(account.control(), NAME)
    with pytest.raises(TargetError, match="SnapStart is on, and was off before"):
        lost.back(lambda _: None)
    assert account.latest()["SnapStart"]["ApplyOn"] == "PublishedVersions"
    assert account.functions[NAME].tags == tags


@pytest.fixture
def target(account: Account, tmp_path: Path) -> AwsTarget:
    options = AwsOptions(journal=tmp_path, clock=account.clock)
    return AwsTarget(account.control(), parse_target(NAME), options)


def turn_snap_start_on(account: Account) -> None:
    account.change(NAME, SnapStart={"ApplyOn": "PublishedVersions"})
    account.latest()


def snap_start(account: Account) -> str:
    return str(account.latest()["SnapStart"]["ApplyOn"])


def test_snap_start_goes_off_again_after_a_snapshot(account: Account, target: AwsTarget) -> None:
    one_variant(target, SNAPSHOT)
    target.restore()
    assert snap_start(account) == "None"


def test_snap_start_of_ours_goes_off_although_another_size_was_set_since(
    account: Account, target: AwsTarget
) -> None:
    one_variant(target, Setting(1024))
    maker = target._deployed._maker
    assert maker is not None
    maker._set(512, maker._describe(512), snap_start=True)
    maker._set(1024, maker._describe(1024))
    target.restore()
    assert snap_start(account) == "None"


def test_snap_start_that_was_on_before_a_snapshot_stays_on(
    account: Account, target: AwsTarget
) -> None:
    turn_snap_start_on(account)
    one_variant(target, SNAPSHOT)
    assert snap_start(account) == "PublishedVersions"
    target.restore()
    assert snap_start(account) == "PublishedVersions"


def test_snap_start_that_others_turned_on_after_a_snapshot_stays_on(
    account: Account, target: AwsTarget
) -> None:
    one_variant(target, SNAPSHOT)
    turn_snap_start_on(account)
    one_variant(target, SNAPSHOT._replace(memory_mb=1024))
    assert snap_start(account) == "PublishedVersions"
    target.restore()
    assert snap_start(account) == "PublishedVersions"


def test_a_size_is_not_measured_as_a_snapshot_that_others_turned_on(
    account: Account, target: AwsTarget
) -> None:
    one_variant(target, Setting(512))
    turn_snap_start_on(account)
    with pytest.raises(ChangedUnderneath, match="somebody else has turned SnapStart on"):
        one_variant(target, Setting(1024))
    target.restore()
    assert snap_start(account) == "PublishedVersions"
    assert list(account.functions[NAME].versions) == ["1"]


def test_snap_start_that_was_on_before_a_killed_run_stays_on(
    account: Account, target: AwsTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_snap_start_on(account)
    monkeypatch.setattr(account, "publish_version", _interrupted)
    with pytest.raises(KeyboardInterrupt):
        one_variant(target, SNAPSHOT)
    target.close()
    (left,), _ = look(tmp_path, tmp_path)
    left.back(account.control(), lambda _: None)
    assert account.latest()["MemorySize"] == 256
    assert snap_start(account) == "PublishedVersions"


def _interrupted(**_: object) -> None:
    raise KeyboardInterrupt


def set_by_a_run(account: Account, size: int = 256) -> Config:
    """Set a size as a run does that turns SnapStart on; return what was there before."""
    before = account.latest()
    described = f"tuner {RUN} 1: {size} MB for a measurement, 256 MB before; `tuner restore`"
    snap_start = {"ApplyOn": "PublishedVersions"}
    account.change(NAME, MemorySize=size, SnapStart=snap_start, Description=described)
    account.latest()
    return before


def test_snap_start_of_a_lost_run_goes_off_although_the_first_read_is_old(
    account: Account,
) -> None:
    account.functions[NAME].tags.update(tags_of(key_of(RUN), MEASURED, 0.0, memory=256))
    account.stale = set_by_a_run(account)
    (lost,) = lost_on(account.control(), NAME)
    account.stale = None
    lost.back(lambda _: None)
    assert account.latest()["SnapStart"]["ApplyOn"] == "None"
    assert account.functions[NAME].tags == {}


def test_a_lost_run_is_undone_although_every_read_of_it_is_old(account: Account) -> None:
    account.functions[NAME].tags.update(tags_of(key_of(RUN), MEASURED, 0.0, memory=256))
    account.stale = set_by_a_run(account, 1769)
    (lost,) = lost_on(account.control(), NAME)
    lost.back(lambda _: None)
    latest = account.latest()
    assert (latest["MemorySize"], latest["SnapStart"]["ApplyOn"]) == (256, "None")
    assert account.functions[NAME].tags == {}


def test_snap_start_that_no_tag_tells_of_stays_and_is_named(account: Account) -> None:
    set_by_a_run(account)
    (lost,) = lost_on(account.control(), NAME)
    with pytest.raises(TargetError, match="SnapStart is on, and nothing says if it was before"):
        lost.back(lambda _: None)
    assert account.latest()["SnapStart"]["ApplyOn"] == "PublishedVersions"
    assert account.latest()["Description"] == ""


def test_an_alias_that_others_split_after_applying_stays_split(
    account: Account, tmp_path: Path
) -> None:
    done, said = applied(account, tmp_path), list[str]()
    account.point("1")
    weights = {"AdditionalVersionWeights": {"2": 0.1}}
    account.functions[NAME].aliases["live"]["RoutingConfig"] = weights
    with pytest.raises(TargetError, match="Point your aliases at other versions"):
        application(account, tmp_path, said).undo(done)
    assert account.functions[NAME].aliases["live"]["RoutingConfig"] == weights
    assert "it points at version 1 and version 2, which this run did not set" in said[0]
    assert account.latest()["MemorySize"] == 256


def test_an_architecture_goes_back_although_reads_of_it_are_old(
    account: Account, tmp_path: Path
) -> None:
    old = dict(account.functions[NAME].latest)
    done = Applied(
        *(RUN, old["FunctionArn"], REGION, "http://nowhere", None, 256, 256),
        *(None, None, None),
        before_arch="x86_64",
        arch="arm64",
        code_sha256=old["CodeSha256"],
        complete=False,
    )
    account.change(NAME, Architectures=["arm64"])
    restored_by_old_reads(account, tmp_path, done, old)
    assert account.latest()["Architectures"] == ["x86_64"]


def test_an_old_read_after_a_refusal_is_no_proof_of_a_change_of_nothing(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, update = dict(account.functions[NAME].latest), account.update_function_configuration
    done = Applied(
        *(RUN, old["FunctionArn"], REGION, "http://nowhere", None, 256, 640),
        *(None, None, None),
        before_arch="x86_64",
        arch="arm64",
        code_sha256=old["CodeSha256"],
        at_mb=256,
        complete=False,
    )
    account.change(NAME, Architectures=["arm64"])

    def refused_once(**parameters: Any) -> Any:
        monkeypatch.undo()
        try:
            return update(**parameters)
        finally:
            account.stale = {**old, "RevisionId": "a later one, past as well"}

    monkeypatch.setattr(account, "update_function_configuration", refused_once)
    restored_by_old_reads(account, tmp_path, done, old)
    assert account.latest()["Architectures"] == ["x86_64"]


def test_memory_goes_back_although_reads_are_older_than_the_tags(
    account: Account, tmp_path: Path
) -> None:
    old = dict(account.functions[NAME].latest)
    done = Applied(
        *(RUN, old["FunctionArn"], REGION, "http://nowhere", None, 256, 640),
        *(None, None, None),
        latest_revision="that after the tags",
        at_mb=640,
        complete=False,
    )
    account.change(NAME, MemorySize=640)
    restored_by_old_reads(account, tmp_path, done, old)
    assert account.latest()["MemorySize"] == 256


def test_an_alias_that_is_back_is_theirs_when_memory_could_not_be_undone(
    account: Account, tmp_path: Path
) -> None:
    done = applied(account, tmp_path)
    account.change(NAME, MemorySize=333)
    account.latest()
    with pytest.raises(ChangedUnderneath, match="it has 333 MB"):
        application(account, tmp_path).undo(done)
    alias = account.functions[NAME].aliases["live"]
    assert alias["FunctionVersion"] == "1"
    account.functions[NAME].versions["2"] = account.functions[NAME].versions["1"]
    alias["RoutingConfig"] = {"AdditionalVersionWeights": {"2": 0.1}}
    account.point("1")
    with pytest.raises(ChangedUnderneath, match="it has 333 MB"):
        application(account, tmp_path).undo(read_record(record_path(tmp_path, RUN)))
    assert alias["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.1}}


def test_memory_that_others_set_after_a_lost_run_stays(account: Account) -> None:
    account.functions[NAME].tags.update(tags_of(key_of(RUN), MEASURED, 0.0, memory=256))
    account.stale = set_by_a_run(account, 128)
    (lost,) = lost_on(account.control(), NAME)
    account.stale = None
    account.change(NAME, MemorySize=2048)
    lost.back(lambda _: None)
    assert account.latest()["MemorySize"] == 2048
    assert account.latest()["Description"] == ""  # its tags say none
