"""What the function itself says: without a journal, beside another run, against a planted file."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support.commands import exit_code as run
from support.factories import a_function, a_run, a_sample
from tuner.api.left import JOURNAL, RECORDS
from tuner.aws.applied import Applied, read_sealed, write_record
from tuner.aws.apply import Application, ApplyOptions
from tuner.aws.control import ControlPlane
from tuner.aws.journal import SCHEMA
from tuner.aws.moving import Move
from tuner.aws.session import AwsSession
from tuner.cli.app import main
from tuner.clock import WallClock
from tuner.errors import TargetError
from tuner.options.sweep import SweepOptions
from tuner.records import Setting
from tuner.store.runs import Store
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.choices import Isolation
from tuner.targets.names import parse_target

RUN = "01JZZZZZZZZZZZZZZZZZZZZZZZ"
Open = Callable[..., AwsTarget]


@pytest.fixture
def opened(aws_session: AwsSession, function: str, hasty_clock: WallClock) -> Iterator[Open]:
    """Targets as runs in this directory open them; closing one is dying."""
    targets: list[AwsTarget] = []

    def one(isolation: Isolation = Isolation.VERSIONS, said: list[str] | None = None) -> AwsTarget:
        told = (lambda _: None) if said is None else said.append
        options = AwsOptions(clock=hasty_clock, isolation=isolation, progress=told)
        control = ControlPlane(aws_session, hasty_clock)
        targets.append(AwsTarget(control, parse_target(function), options))
        return targets[-1]

    yield one
    for target in targets:
        target.close()


@pytest.fixture
def elsewhere(service: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Another directory, of another user, and the options that lead there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    return ("--endpoint-url", service.url, "--region", "eu-west-1")


def leave(opened: Open, isolation: Isolation) -> None:
    """Be killed while $LATEST is changed, or versions or a copy are there, and lose the journal."""
    target = opened(isolation)
    target.prepare([Setting(512), Setting(1024)] if isolation != "in-place" else [Setting(512)])
    if isolation is Isolation.VERSIONS:
        maker, journal = target._deployed._maker, target._deployed._journal
        assert maker is not None
        assert journal is not None
        maker._set(640, maker._describe(640))
    target.close()
    for path in JOURNAL.iterdir():
        path.unlink()


@pytest.mark.parametrize("isolation", list(Isolation))
def test_a_function_is_restored_from_anywhere_by_itself_alone(
    service: Any, function: str, opened: Open, elsewhere: Any, isolation: Isolation
) -> None:
    if service.name == "moto" and isolation is Isolation.CLONE:
        pytest.skip("moto hands out no package")
    before, functions = service.picture(function), names(service)
    leave(opened, isolation)
    assert (service.picture(function), names(service)) != (before, functions)
    assert run("restore", function, *elsewhere) == 0
    assert (service.picture(function), names(service)) == (before, functions)


def names(service: Any) -> list[str]:
    return sorted(one["FunctionName"] for one in service.client.list_functions()["Functions"])


def test_without_tags_the_description_tells_the_memory(
    service: Any,
    function: str,
    opened: Open,
    elsewhere: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    leave(opened, Isolation.VERSIONS)
    arn = service.client.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    listed = service.client.list_tags(Resource=arn)["Tags"]
    ours = [key for key in listed if key.startswith("tuner:")]
    service.client.untag_resource(Resource=arn, TagKeys=ours)
    assert run("restore", function, *elsewhere) == 0
    assert "its former description is lost" in capsys.readouterr().out
    now = service.client.get_function(FunctionName=function)["Configuration"]
    assert (now["MemorySize"], now["Description"]) == (256, "")


@pytest.fixture
def cut_short(
    function: str,
    aws_session: AwsSession,
    hasty_clock: WallClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An application that ends before it has moved its alias."""
    control = ControlPlane(aws_session, hasty_clock)
    application = Application(control, function, RECORDS, lambda _text: None)
    monkeypatch.setattr(application, "_roll_back", lambda: None)  # as after kill -9
    monkeypatch.setattr(Move, "__call__", lambda _self, _steps: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        application.apply(ApplyOptions(RUN, 640, "live"))


def test_an_application_whose_record_is_lost_is_undone_by_the_function(
    service: Any, function: str, request: pytest.FixtureRequest, elsewhere: Any
) -> None:
    before = service.picture(function)
    request.getfixturevalue("cut_short")
    for path in RECORDS.iterdir():
        path.unlink()
    assert run("restore", function, *elsewhere) == 0
    assert service.picture(function) == before


def test_a_second_run_is_refused_by_the_name_of_the_first(
    function: str, opened: Open, aws_session: AwsSession, hasty_clock: WallClock
) -> None:
    first = opened()
    first.prepare([Setting(512)])  # $LATEST is as it was; the run goes on
    with pytest.raises(TargetError, match=f"run {first._deployed._id} is changing it") as refused:
        opened().prepare([Setting(1024)])
    assert f"tuner restore {function}" in refused.value.fix
    control = ControlPlane(aws_session, hasty_clock)
    application = Application(control, function, RECORDS, lambda _text: None)
    with pytest.raises(TargetError, match=f"run {first._deployed._id} is changing it"):
        application.apply(ApplyOptions(RUN, 640, "live"))
    first.restore()
    opened().prepare([Setting(1024)])


def test_a_mark_that_is_left_is_a_problem_to_doctor(
    function: str, opened: Open, elsewhere: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    first = opened()
    first.prepare([Setting(512)])
    assert run("doctor", function, *elsewhere) != 0
    assert f"run {first._deployed._id}" in capsys.readouterr().out


def test_where_tags_are_refused_it_is_said_and_all_goes_on(
    service: Any, function: str, opened: Open, aws_session: AwsSession
) -> None:
    before = service.picture(function)

    def deny(**_: object) -> object:
        error = {"Code": "AccessDeniedException", "Message": "not authorized"}
        parsed = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 403}}
        return SimpleNamespace(status_code=403), parsed

    events = aws_session.client.meta.events
    said: list[str] = []
    for operation in ("TagResource", "UntagResource"):
        events.register(f"before-call.lambda.{operation}", deny)
    try:
        target = opened(said=said)
        target.prepare([Setting(512)])
        target.restore()
    finally:
        for operation in ("TagResource", "UntagResource"):
            events.unregister(f"before-call.lambda.{operation}", deny)
    assert any("in this directory only: lambda:TagResource is not allowed" in one for one in said)
    assert service.picture(function) == before


def planted(service: Any, function: str) -> dict[str, Any]:
    """The first line of a journal as anybody can write it."""
    arn = service.client.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    before = {"memory_mb": 128, "description": "", "revision_id": "", "code_sha256": "x"}
    return {
        "schema": SCHEMA,
        "id": RUN,
        "function": function,
        "arn": arn,
        "region": "eu-west-1",
        "pid": 1,
        "endpoint_url": service.url,
        "profile": None,
        "before": before,
        "opened_at": 1.0,
    }


def test_a_planted_journal_deletes_and_sets_nothing(service: Any, function: str) -> None:
    before = service.picture(function)
    steps = [
        {"do": "set", "memory_mb": 256, "description": "takes orders", "revision_id": ""},
        {"did": True},
        *({"do": "publish", "description": text} for text in ("", "first", "takes orders")),
        {"do": "provision", "version": "1"},
        {"do": "tag", "keys": ["team"]},
    ]
    JOURNAL.mkdir(parents=True)
    lines = [planted(service, function), *steps]
    (JOURNAL / f"{RUN}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run("restore") == 1  # it does not prove that 256 MB is ours
    assert service.picture(function) == before


def test_a_planted_journal_leads_no_request_elsewhere(service: Any, function: str) -> None:
    JOURNAL.mkdir(parents=True)
    line = {**planted(service, function), "endpoint_url": "https://lambda.example.com"}
    (JOURNAL / f"{RUN}.jsonl").write_text(json.dumps(line) + "\n")
    assert run("restore") == 1


def plant_record(service: Any, function: str, **more: Any) -> None:
    """Write a record of an application as anybody can."""
    header = planted(service, function)
    record = {
        **{name: header[name] for name in ("arn", "region", "endpoint_url", "profile")},
        "run": RUN,
        "before_mb": 128,
        "memory_mb": 256,
        "schema": "tuner.applied/1",
        "seal": "0" * 64,
        **more,
    }
    RECORDS.mkdir(parents=True)
    (RECORDS / f"{RUN}.json").write_text(json.dumps(record))


def moved(service: Any, function: str) -> dict[str, Any]:
    """What a record says of an alias that would lead traffic to another version."""
    other = service.client.publish_version(FunctionName=function, Description="bad")["Version"]
    return {"alias": "live", "before_version": other, "version": "1", "published": ["first"]}


def test_a_planted_record_of_an_application_moves_nothing(
    service: Any, function: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plant_record(service, function, complete=False, **moved(service, function))
    before = service.picture(function)
    assert run("restore") == 1
    assert "nothing on it says that run" in capsys.readouterr().err
    assert service.picture(function) == before


@pytest.fixture
def undo(service: Any, function: str) -> Callable[[], int]:
    """Undo what a stored run of the function has applied, as a user who is sure of it."""
    arn = service.client.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    facts = a_function(function, arn=arn, region="eu-west-1")
    with Store.open(None) as store:
        options = SweepOptions(function).stored()
        store.start(a_run(run=RUN, target=function, facts=facts, options=options))
        store.add(RUN, [a_sample(memory_mb=512)])
    words = ("apply", RUN, "--undo", "--yes", "--endpoint-url", service.url)
    return lambda: run(*words)


@pytest.mark.parametrize("complete", [True, False])
def test_a_planted_record_is_not_undone_either(
    service: Any,
    function: str,
    undo: Callable[[], int],
    complete: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plant_record(service, function, complete=complete, **moved(service, function))
    before = service.picture(function)
    assert undo() == 1
    said = capsys.readouterr().err
    assert "nothing on it says that run" in said and "did not write" in said
    assert service.picture(function) == before


def test_only_the_function_of_the_run_is_undone(
    service: Any,
    function: str,
    undo: Callable[[], int],
    make_zip: Callable[..., bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    service.create("payments", make_zip({"app.py": "def handler(event, context): return 1\n"}))
    now = service.client.get_function(FunctionName="payments")["Configuration"]
    done = Applied(
        *(RUN, now["FunctionArn"], "eu-west-1", service.url, None, 128, now["MemorySize"])
    )
    write_record(RECORDS, done)
    before = service.picture("payments")
    assert undo() == 1
    assert f"the name refers to {now['FunctionArn'].replace('payments', function)}" in (
        capsys.readouterr().err
    )
    assert service.picture("payments") == before
    service.client.delete_function(FunctionName="payments")


def test_a_foreign_record_is_undone_where_the_function_says_the_same(
    service: Any, function: str, undo: Callable[[], int], cut_short: None, elsewhere: Any
) -> None:
    (file,) = RECORDS.glob("*.json")
    assert not read_sealed(file)[1]
    assert service.picture(function)["configuration"]["MemorySize"] == 640
    assert undo() == 0
    assert service.picture(function)["configuration"]["MemorySize"] == 256
    assert not file.exists()


def test_what_a_foreign_record_says_of_an_earlier_one_is_not_kept(
    service: Any, function: str, cut_short: None
) -> None:
    (file,) = RECORDS.glob("*.json")
    written = json.loads(file.read_text())
    earlier = {**written, "before_mb": 128, "complete": True}
    del earlier["seal"]
    file.write_text(json.dumps({**written, "since": earlier}))
    assert run("restore") == 0
    assert service.picture(function)["configuration"]["MemorySize"] == 256
    assert not file.exists()


def test_a_command_that_leaves_an_application_ends_with_what_is_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arn = "arn:aws:lambda:eu-west-1:000000000000:function:orders"
    done = Applied(RUN, arn, "eu-west-1", "http://127.0.0.1:9", None, 256, 640, complete=False)
    write_record(RECORDS, replace(done, at_mb=640, pid=os.getpid()))
    with pytest.raises(SystemExit):
        main(["recommend", "no-such-run"])
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "tuner: orders is at 640 MB; run `tuner restore` to put it back to 256 MB"


@pytest.mark.parametrize(("left", "code"), [(True, 1), (False, 130)])
def test_an_interrupt_exits_with_130_only_where_nothing_is_left(
    left: bool, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = "arn:aws:lambda:eu-west-1:000000000000:function:orders"
    done = Applied(RUN, arn, "eu-west-1", "http://127.0.0.1:9", None, 256, 640, complete=False)
    write_record(RECORDS, replace(done, at_mb=640, pid=os.getpid(), complete=not left))
    monkeypatch.setattr("tuner.cli.commands.app", _interrupted)
    assert run("apply", RUN) == code


def test_a_restore_that_is_interrupted_exits_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arn = "arn:aws:lambda:eu-west-1:000000000000:function:orders"
    done = Applied(RUN, arn, "eu-west-1", "http://127.0.0.1:9", None, 256, 640, complete=False)
    write_record(RECORDS, replace(done, at_mb=640))
    monkeypatch.setattr("tuner.api.left.Left.restore", _interrupted)
    assert run("restore") == 1
    assert "orders is at 640 MB; run `tuner restore`" in capsys.readouterr().err.splitlines()[-1]


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("no_waits")
def test_a_restore_that_fails_ends_with_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    arn = "arn:aws:lambda:eu-west-1:000000000000:function:orders"
    done = Applied(RUN, arn, "eu-west-1", "http://127.0.0.1:9", None, 256, 640, complete=False)
    write_record(RECORDS, done)
    assert run("restore") == 1
    assert "orders is at 640 MB; run `tuner restore`" in capsys.readouterr().err.splitlines()[-1]
