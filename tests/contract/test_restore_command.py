"""``tuner restore``, and the offer that other commands make before they begin."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from tuner.api.left import JOURNAL
from tuner.aws.control import ControlPlane
from tuner.aws.journal import Before, Journal, JournalHeader, pending
from tuner.aws.session import AwsSession
from tuner.cli.apply import offer_restore, restore
from tuner.cli.command import command
from tuner.clock import WallClock
from tuner.errors import TunerError
from tuner.records import Setting
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.names import parse_target

app = typer.Typer()
app.command()(command(restore))

Measure = Callable[[], AwsTarget]


@pytest.fixture
def measure(aws_session: AwsSession, function: str, hasty_clock: WallClock) -> Iterator[Measure]:
    """Change the user's function as a run does, and leave it so; closing the target is dying."""
    opened: list[AwsTarget] = []

    def run() -> AwsTarget:
        control = ControlPlane(aws_session, hasty_clock)
        opened.append(AwsTarget(control, parse_target(function), AwsOptions(clock=hasty_clock)))
        opened[-1].prepare([Setting(512), Setting(1024)])
        return opened[-1]

    yield run
    for target in opened:
        target.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_with_nothing_left_there_is_nothing_to_do() -> None:
    result = run()
    assert (result.exit_code, result.output) == (0, "nothing to restore\n")


def test_a_directory_that_was_deleted_is_not_taken_for_one_without_journals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    result = run()
    assert isinstance(result.exception, TunerError)
    assert "was deleted" in result.exception.reason
    assert "tuner restore FUNCTION" in result.exception.fix


def test_what_a_dead_run_left_is_put_back(service: Any, function: str, measure: Measure) -> None:
    before = service.picture(function)
    dead = measure()
    dead.close()
    assert service.picture(function) != before
    listed = run("--list")
    assert "left changed; had 256 MB" in listed.output
    (entry,) = pending(JOURNAL)
    assert entry.header.id == dead.run
    assert f"(run {dead.run})" in listed.output
    result = run()
    assert (result.exit_code, result.output) == (0, f"{function}: restored\n")
    assert service.picture(function) == before
    assert run().output == "nothing to restore\n"


def test_a_run_that_is_alive_is_left_alone(service: Any, function: str, measure: Measure) -> None:
    measure()
    before = service.picture(function)
    result = run()
    assert result.exit_code == 0
    assert "still being measured" in result.output
    assert service.picture(function) == before
    assert len(pending(JOURNAL)) == 1


def test_a_journal_that_cannot_be_read_is_told_and_the_others_are_put_back(
    service: Any, function: str, measure: Measure
) -> None:
    before = service.picture(function)
    measure().close()
    (JOURNAL / "00000000000000000000000000.jsonl").write_text("nonsense\n")
    result = run()
    assert isinstance(result.exception, TunerError)
    assert "cannot be read as a journal" in str(result.exception)
    assert f"{function}: restored" in result.output
    assert service.picture(function) == before


@pytest.mark.usefixtures("no_waits")
def test_a_service_that_is_gone_is_told_with_the_way_out() -> None:
    opening = JournalHeader(
        id="01JZZZZZZZZZZZZZZZZZZZZZZZ",
        function="orders",
        arn="arn:aws:lambda:us-east-1:000000000000:function:orders",
        region="us-east-1",
        endpoint_url="http://127.0.0.1:9",
        profile=None,
        before=Before(128, "", "rev", "sha"),
        opened_at=0.0,
        pid=1,
    )
    Journal(JOURNAL, opening).close()
    result = run()
    assert isinstance(result.exception, TunerError)
    assert "cannot be reached" in result.exception.reason
    assert f"delete {JOURNAL}/{opening.id}.jsonl" in result.exception.fix


def test_without_a_terminal_the_next_command_only_warns(
    service: Any, function: str, measure: Measure, capsys: pytest.CaptureFixture[str]
) -> None:
    measure().close()
    before = service.picture(function)
    offer_restore(yes=False)
    told = capsys.readouterr()
    assert f"an interrupted run left {function} changed" in told.err
    assert "`tuner restore`" in told.err
    assert told.out == ""
    assert service.picture(function) == before


def test_with_yes_the_next_command_puts_back_first(
    service: Any, function: str, measure: Measure, capsys: pytest.CaptureFixture[str]
) -> None:
    before = service.picture(function)
    measure().close()
    offer_restore(yes=True)
    assert f"{function}: restored" in capsys.readouterr().err
    assert service.picture(function) == before
    offer_restore(yes=True)
    assert capsys.readouterr().err == ""
