"""The calls of the control plane that a sweep makes, one by one, and what still holds where a read
is saved: other hands and lost answers at the very places."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from simulation.account import NAME, Account
from simulation.state import REGION, Config
from tuner.aws.control import ControlPlane
from tuner.aws.journal import pending
from tuner.aws.lost import restore_journal
from tuner.aws.session import AwsSession
from tuner.aws.tags import MEASURED, key_of, tags_of
from tuner.errors import ChangedUnderneath, TargetError
from tuner.records import Setting
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.choices import Isolation
from tuner.targets.names import parse_target

OTHER = "01JZZZZZZZZZZZZZZZZZZZZZZY"
SEVEN = (128, 256, 512, 768, 1024, 1280, 1536)  # 256 MB is what the function has


class Watched:
    """A client of the service: what is asked, and what happens around the nth call of a kind."""

    def __init__(self, account: Account) -> None:
        self.account, self.meta = account, account.meta
        self.asked: list[str] = []
        self.before: dict[tuple[str, int], Callable[[], object]] = {}
        self.after: dict[tuple[str, int], Callable[[], object]] = {}

    def close(self) -> None: ...

    def __getattr__(self, operation: str) -> Callable[..., Config]:
        def call(**parameters: Any) -> Config:
            self.account.clock.advance(0.1)
            self.account.catch_up()
            self.asked.append(operation)
            nth = operation, self.asked.count(operation)
            self.before.get(nth, bool)()
            answer: Config = getattr(self.account, operation)(**parameters)
            self.after.get(nth, bool)()
            return answer

        return call


@pytest.fixture
def watched(account: Account) -> Watched:
    account.takes_s = (0.2, 0.9)  # an update of memory has settled when the first look is due
    return Watched(account)


def opened(watched: Watched, folder: Path, isolation: Isolation = Isolation.VERSIONS) -> AwsTarget:
    session = AwsSession(None, watched, REGION, watched.meta.endpoint_url, True)
    control = ControlPlane(session, watched.account.clock, Random(1))
    options = AwsOptions(journal=folder, isolation=isolation, clock=watched.account.clock)
    return AwsTarget(control, parse_target(NAME), options)


def swept(watched: Watched, folder: Path, sizes: tuple[int, ...] = SEVEN) -> list[Any]:
    """Measure sizes without calls; what was made of each."""
    target = opened(watched, folder)
    target.describe()
    try:
        return list(target.prepare(map(Setting, sizes)).values())
    finally:
        target.restore()
        target.close()


def nothing_of_ours(account: Account) -> bool:
    """Tell if the function has no version, tag or description of a run, once all has landed."""
    account.latest()
    function = account.functions[NAME]
    described = function.latest["Description"]
    return not function.tags and list(function.versions) == ["1"] and "tuner" not in described


def test_a_sweep_of_seven_sizes_takes_forty_calls(watched: Watched, tmp_path: Path) -> None:
    made = swept(watched, tmp_path)
    assert [one.memory_mb for one in made] == list(SEVEN)
    counts = Counter(watched.asked)
    updates, looks = 7, 15  # six sizes and back; each settled, the beginning, and after publishing
    assert counts == {
        "get_account_settings": 1,
        "tag_resource": 1,
        "update_function_configuration": updates,
        "publish_version": 7,
        "get_function": looks,
        "list_versions_by_function": 1,
        "delete_function": 7,
        "untag_resource": 1,
    }
    assert len(watched.asked) == 40
    assert nothing_of_ours(watched.account)
    assert watched.account.latest()["MemorySize"] == 256


def test_a_function_at_another_size_takes_three_calls_more(
    watched: Watched, tmp_path: Path
) -> None:
    swept(watched, tmp_path, (128, 512, 768, 1024, 1280, 1536, 1769))
    assert len(watched.asked) == 43
    assert nothing_of_ours(watched.account)


def test_its_own_size_alone_is_published_with_a_description_of_ours(
    watched: Watched, tmp_path: Path
) -> None:
    (made,) = swept(watched, tmp_path, (256,))
    assert made.memory_mb == 256
    assert made.qualifier == "2"  # and not the version that was there
    assert nothing_of_ours(watched.account)


def test_a_change_since_it_was_described_is_not_overwritten(
    watched: Watched, tmp_path: Path
) -> None:
    def deploys() -> None:
        watched.account.change(NAME, MemorySize=333, Description="build 7")
        watched.account.latest()

    watched.before["tag_resource", 1] = deploys
    with pytest.raises(ChangedUnderneath, match="somebody else changed it"):
        swept(watched, tmp_path)
    assert watched.account.latest()["MemorySize"] == 333
    assert watched.account.latest()["Description"] == "build 7"
    assert not watched.account.functions[NAME].tags


def test_a_change_between_two_tries_to_begin_is_not_overwritten(
    watched: Watched, tmp_path: Path
) -> None:
    def is_away() -> None:
        raise ConnectionClosedError(endpoint_url="https://lambda.eu-west-1.amazonaws.com")

    target = opened(watched, tmp_path, Isolation.IN_PLACE)
    target.describe()
    for nth in range(2, 20):  # every look after the tags
        watched.before["get_function", nth] = is_away
    (first,) = target.prepare([Setting(256)]).values()
    assert isinstance(first, TargetError)
    watched.before.clear()
    watched.account.change(NAME, MemorySize=333, Description="build 59")
    watched.account.latest()
    with pytest.raises(ChangedUnderneath, match="somebody else changed it"):
        target.prepare([Setting(128)])
    target.restore()
    target.close()
    assert watched.account.latest()["MemorySize"] == 333
    assert watched.account.latest()["Description"] == "build 59"
    assert not watched.account.functions[NAME].tags


def test_of_two_that_begin_at_once_the_later_names_the_first(
    watched: Watched, tmp_path: Path
) -> None:
    function = watched.account.functions[NAME]
    tags = tags_of(key_of(OTHER), MEASURED, 0.0, memory=256)
    watched.before["tag_resource", 1] = lambda: function.tags.update(tags)
    with pytest.raises(TargetError, match=f"run {OTHER} is changing it") as refused:
        swept(watched, tmp_path)
    assert f"tuner restore {NAME}" in refused.value.fix
    assert "update_function_configuration" not in watched.asked
    assert function.tags == tags


def test_a_run_that_comes_in_between_is_named_with_the_next_step(
    watched: Watched, tmp_path: Path
) -> None:
    """It may not tag, so that nothing has told us before."""

    def comes_in() -> None:
        text = f"tuner {OTHER} 1: 640 MB for a measurement, 256 MB before; `tuner restore`"
        watched.account.change(NAME, MemorySize=640, Description=text)
        watched.account.latest()

    watched.before["update_function_configuration", 2] = comes_in
    with pytest.raises(ChangedUnderneath, match=f"run {OTHER} is changing it") as refused:
        swept(watched, tmp_path)
    assert f"tuner restore {NAME}" in refused.value.fix
    assert watched.account.latest()["MemorySize"] == 640


def test_in_place_the_later_of_two_ends_as_a_whole_and_names_the_first(
    watched: Watched, tmp_path: Path
) -> None:
    tags = tags_of(key_of(OTHER), MEASURED, 0.0, memory=256)
    watched.account.functions[NAME].tags.update(tags)
    target = opened(watched, tmp_path, Isolation.IN_PLACE)
    with pytest.raises(ChangedUnderneath, match=f"run {OTHER} is changing it"):
        target.prepare([Setting(512)])
    target.restore()
    assert "update_function_configuration" not in watched.asked


def test_a_size_of_ours_that_is_written_again_meanwhile_is_put_back(
    watched: Watched, tmp_path: Path
) -> None:
    """A tool that writes back all of what it has read while the size was ours."""
    read: list[Config] = []
    watched.after["update_function_configuration", 1] = lambda: read.append(
        dict(watched.account.functions[NAME].latest)
    )

    def writes_back() -> None:
        kept = {key: read[0][key] for key in ("MemorySize", "Description")}
        watched.account.change(NAME, **kept)
        watched.account.latest()

    watched.before["list_versions_by_function", 1] = writes_back
    swept(watched, tmp_path, (128, 512))
    assert watched.account.latest()["MemorySize"] == 256
    assert nothing_of_ours(watched.account)


def test_a_version_of_its_own_size_that_lands_late_is_not_left(
    watched: Watched, tmp_path: Path
) -> None:
    account, late = watched.account, list[Config]()
    publish = account.publish_version

    def is_lost(**parameters: Any) -> Config:
        if watched.asked.count("publish_version") <= 2:
            return publish(**parameters)
        late.append(parameters)
        raise ConnectionClosedError(endpoint_url="https://lambda")

    account.publish_version = is_lost  # type: ignore[method-assign]
    *made, own = swept(watched, tmp_path, (128, 512, 256))
    assert isinstance(own, TargetError)
    assert not any(isinstance(one, TargetError) for one in made)
    for parameters in late:
        with pytest.raises(Exception, match="Revision Id"):
            publish(**parameters)
    assert nothing_of_ours(account)


def test_a_run_that_is_killed_while_it_publishes_its_own_size_leaves_nothing(
    watched: Watched, tmp_path: Path
) -> None:
    account, late = watched.account, list[Config]()
    publish = account.publish_version

    def is_killed(**parameters: Any) -> Config:
        if watched.asked.count("publish_version") <= 1:
            return publish(**parameters)
        late.append(parameters)
        raise KeyboardInterrupt

    account.publish_version = is_killed  # type: ignore[method-assign]
    target = opened(watched, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        target.prepare(map(Setting, (128, 256)))
    target.close()
    (entry,) = pending(tmp_path)
    assert restore_journal(entry, account.control())
    with pytest.raises(Exception, match="Revision Id"):
        publish(**late[0])
    assert nothing_of_ours(account)
