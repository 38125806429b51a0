"""A recording behind the seam."""

from pathlib import Path

import pytest

from support.factories import a_variant
from tuner.errors import UsageError
from tuner.records import Backend, Setting
from tuner.targets.names import parse_target
from tuner.targets.replay import ReplayTarget, open_replay


@pytest.fixture
def replay(tmp_path: Path) -> ReplayTarget:
    file = tmp_path / "a.csv"
    file.write_text(
        "memory_mb,duration_ms,arch,city\n"
        "128,100,arm64,Rome\n512,25,arm64,Rome\n512,26,arm64,Rome\n1024,20,arm64,Oslo\n"
    )
    return open_replay(parse_target(f"replay:{file}"), {"city": "Rome"})


def test_it_says_what_the_file_says_and_nothing_more(replay: ReplayTarget) -> None:
    facts = replay.describe()
    assert facts.backend is Backend.REPLAY
    assert facts.recorded_mb == (128, 512)
    assert facts.arch == "arm64"
    assert (facts.memory_mb, facts.runtime, facts.timeout_s) == (None, None, None)
    assert facts.name == "a.csv"


def test_recorded_sizes_are_callable_without_an_endpoint(replay: ReplayTarget) -> None:
    small, large = a_variant(128, arch="arm64"), a_variant(512, arch="arm64")
    wanted = [small.setting, large.setting]
    assert replay.prepare(wanted) == {small.setting: small, large.setting: large}
    assert replay.prepare([large.setting], fresh=True) == {large.setting: large}
    assert replay.endpoint() is None
    replay.restore()
    replay.close()


def test_a_size_that_was_not_recorded_lists_those_that_were(replay: ReplayTarget) -> None:
    with pytest.raises(UsageError, match="128, 512"):
        replay.prepare([Setting(1024, "arm64")])


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        open_replay(parse_target(f"replay:{tmp_path}/none.csv"))
