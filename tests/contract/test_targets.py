"""One suite for every service that a target may stand on: what it makes, and what it leaves.

The services are moto, which others wrote after AWS, and our local Lambda.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tuner.aws.control import ControlPlane
from tuner.aws.journal import pending
from tuner.aws.lost import restore_journal
from tuner.aws.session import SessionOptions, open_session
from tuner.clock import WallClock
from tuner.errors import NotFound, TargetError, UsageError
from tuner.records import Backend, Setting
from tuner.targets.aws import AwsTarget, open_aws
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.names import parse_target
from tuner.targets.seam import Variant, one_variant


def succeeded(made: object) -> Variant:
    assert isinstance(made, Variant), made
    return made


def test_it_tells_what_the_function_is(target: AwsTarget, service: Any, function: str) -> None:
    facts = target.describe()
    assert facts.name == function
    assert facts.memory_mb == 256
    assert facts.timeout_s == 7.0
    assert (facts.version, facts.runtime, facts.handler) == ("$LATEST", "python3.12", "app.handler")
    assert facts.reserved_concurrency == 3
    assert (facts.backend is Backend.LOCAL) == (service.name == "local")
    assert bool(facts.platform) == (service.name == "local")


def test_sizes_become_versions_and_the_function_is_restored_before_use(
    target: AwsTarget, service: Any, function: str
) -> None:
    before = service.picture(function)["configuration"]
    made = target.prepare(map(Setting, [512, 128, 1769]))
    assert list(made) == [Setting(512), Setting(128), Setting(1769)]
    assert service.picture(function)["configuration"] == before
    for setting, variant in made.items():
        version = service.client.get_function_configuration(
            FunctionName=function, Qualifier=succeeded(variant).qualifier
        )
        assert version["MemorySize"] == succeeded(variant).memory_mb == setting.memory_mb
        assert version["CodeSha256"] == before["CodeSha256"]


def test_restoring_leaves_everything_as_it_was(
    target: AwsTarget, service: Any, function: str, journal: Path
) -> None:
    before = service.picture(function)
    target.prepare(map(Setting, [128, 512]))
    one_variant(target, Setting(1024))
    one_variant(target, Setting(512), fresh=True)
    assert service.picture(function) != before
    assert len(pending(journal)) == 1
    target.restore()
    assert service.picture(function) == before
    assert pending(journal) == []
    target.restore()
    assert service.picture(function) == before


def test_a_size_that_is_ready_is_free_and_recycling_makes_another(target: AwsTarget) -> None:
    first = one_variant(target, Setting(512))
    sent = target._control.calls.total()
    assert one_variant(target, Setting(512)) == first
    assert target._control.calls.total() == sent
    fresh = one_variant(target, Setting(512), fresh=True)
    assert fresh.qualifier != first.qualifier
    assert one_variant(target, Setting(512)) == fresh


def test_the_size_it_has_now_gets_a_version_of_our_own(
    target: AwsTarget, service: Any, function: str
) -> None:
    """The user's version 1 is what PublishVersion would give back for an unchanged function."""
    before = service.picture(function)
    assert one_variant(target, Setting(256)).qualifier != "1"
    target.restore()
    assert service.picture(function) == before


def test_a_target_can_be_used_again_after_it_was_restored(
    target: AwsTarget, service: Any, function: str
) -> None:
    before = service.picture(function)
    for _ in range(2):
        one_variant(target, Setting(640))
        target.restore()
        assert service.picture(function) == before


def test_a_size_that_is_refused_does_not_stop_the_others(
    target: AwsTarget, service: Any, function: str
) -> None:
    if service.name == "moto":
        pytest.skip("moto takes any memory size")
    before = service.picture(function)
    made = target.prepare(map(Setting, [128, 99_999, 512]))
    assert isinstance(made[Setting(99_999)], TargetError)
    assert "at most 10240 MB" in made[Setting(99_999)].reason
    assert isinstance(made[Setting(128)], Variant)
    assert isinstance(made[Setting(512)], Variant)
    with pytest.raises(TargetError, match="at 99999 MB"):
        one_variant(target, Setting(99_999))
    target.restore()
    assert service.picture(function) == before


def test_an_alias_that_runs_the_same_code_is_measured(
    open_target: Callable[..., AwsTarget], service: Any, function: str
) -> None:
    target = open_target(f"{function}:live")
    facts = target.describe()
    assert (facts.version, facts.memory_mb) == ("1", 256)
    before = service.picture(function)
    assert one_variant(target, Setting(512)).qualifier not in (None, "1")
    target.restore()
    assert service.picture(function) == before


def test_a_version_with_other_code_is_refused_and_nothing_is_changed(
    open_target: Callable[..., AwsTarget],
    service: Any,
    function: str,
    make_zip: Callable[..., bytes],
    await_update: Callable[..., None],
    journal: Path,
) -> None:
    service.client.update_function_code(
        FunctionName=function, ZipFile=make_zip({"app.py": "def handler(e, c): return 2\n"})
    )
    await_update(service, function)
    before = service.picture(function)
    target = open_target(f"{function}:1")
    for ask in (target.describe, lambda: one_variant(target, Setting(512))):
        with pytest.raises(TargetError, match="differs from \\$LATEST in code"):
            ask()
    assert service.picture(function) == before
    assert pending(journal) == []


@pytest.mark.parametrize("text", ["nobody", "{function}:nothing", "{function}:99"])
def test_what_does_not_exist_is_told_with_the_next_step(
    text: str, open_target: Callable[..., AwsTarget], function: str
) -> None:
    target = open_target(text.format(function=function))
    with pytest.raises(NotFound) as caught:
        target.describe()
    assert caught.value.fix
    target.restore()


def test_an_arn_of_another_region_than_asked_is_bad_usage() -> None:
    options = AwsOptions(SessionOptions(region="eu-west-1"))
    with pytest.raises(UsageError, match="us-west-2"):
        open_aws(parse_target("arn:aws:lambda:us-west-2:000000000000:function:orders"), options)


def test_without_a_journal_nothing_is_changed(
    open_target: Callable[..., AwsTarget], service: Any, function: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    target = open_target(function, journal=tmp_path / "file" / "journal")
    before = service.picture(function)
    with pytest.raises(TargetError, match="journal of changes"):
        one_variant(target, Setting(512))
    assert service.picture(function) == before


def test_the_journal_holds_no_secret_of_the_function(
    open_target: Callable[..., AwsTarget],
    service: Any,
    make_zip: Callable[..., bytes],
    journal: Path,
) -> None:
    name = "with-secret"
    service.create(
        name, make_zip({"app.py": "x"}), Environment={"Variables": {"KEY": "planted-secret"}}
    )
    target = open_target(name)
    one_variant(target, Setting(512))
    written = b"".join(path.read_bytes() for path in journal.iterdir())
    assert b"512" in written
    assert b"planted-secret" not in written
    target.restore()
    service.client.delete_function(FunctionName=name)


def test_a_journal_is_restored_from_another_process_and_twice_is_harmless(
    target: AwsTarget, service: Any, function: str, journal: Path, hasty_clock: WallClock
) -> None:
    before = service.picture(function)
    target.prepare(map(Setting, [128, 512]))
    (entry,) = pending(journal)
    assert not restore_journal(entry, target._control)  # its run is alive
    target.close()
    session = open_session(SessionOptions(entry.header.region, None, entry.header.endpoint_url))
    control = ControlPlane(session, hasty_clock)
    assert restore_journal(entry, control)
    assert service.picture(function) == before
    restore_journal(entry, control)
    assert service.picture(function) == before
    assert pending(journal) == []


def test_seven_sizes_stay_within_the_budget_of_control_plane_calls(
    open_target: Callable[..., AwsTarget], function: str
) -> None:
    """At most 40, clean-up included; one of the sizes is the function's own."""
    target = open_target(function, clock=WallClock())
    sizes = [128, 256, 512, 768, 1024, 1536, 2048]
    target.describe()
    target.prepare(map(Setting, sizes))
    target.restore()
    assert target._control.calls.total() <= 40
