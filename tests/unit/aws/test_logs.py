"""REPORT from CloudWatch Logs: what is asked, what is understood, when it gives up."""

from types import SimpleNamespace
from typing import Any

import pytest

from tuner.aws.logs import FunctionLog, LogReports
from tuner.aws.session import SessionOptions, open_session
from tuner.clock import WallClock

FIRST, SECOND = "5b866fb1-0000-4000-8000-000000000001", "5b866fb1-0000-4000-8000-000000000002"


def line(request_id: str, ms: float) -> str:
    return (
        f"REPORT RequestId: {request_id}\tDuration: {ms:.2f} ms\tBilled Duration: {ms + 1:.0f} ms\t"
        "Memory Size: 128 MB\tMax Memory Used: 31 MB\t\n"
    )


class Hasty(WallClock):
    """Counts waits instead of waiting."""

    def __init__(self) -> None:
        self.waits = 0

    def sleep(self, seconds: float) -> None:
        self.waits += 1


class Logs:
    """CloudWatch Logs in the place of a network; botocore checks what is asked of it."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.asked = 0

    def reply(self, **_: object) -> object:
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else {"events": []}
        status = 400 if "Error" in answer else 200
        return SimpleNamespace(status_code=status), {
            **answer, "ResponseMetadata": {"HTTPStatusCode": status},
        }  # fmt: skip


@pytest.fixture
def logs() -> Logs:
    return Logs()


@pytest.fixture
def reports(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> LogReports:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "http://127.0.0.1:9")
    session = open_session(SessionOptions("eu-west-1", None, "http://127.0.0.1:9"))
    session.boto.register("before-call.cloudwatch-logs.FilterLogEvents", logs.reply)
    clock = Hasty()
    return LogReports(FunctionLog(session, "/aws/lambda/orders", clock), clock)


def test_each_request_gets_its_own_report(reports: LogReports, logs: Logs) -> None:
    logs.answers = [
        {"events": [{"message": f"START RequestId: {FIRST}"}], "nextToken": "more"},
        {"events": [{"message": line(SECOND, 7.5)}, {"message": line(FIRST, 133.61)}]},
    ]
    found = reports.find([FIRST, SECOND])
    assert found[FIRST].duration_ms == 133.61
    assert found[SECOND].billed_ms == 8
    assert logs.asked == 2


def test_many_requests_are_looked_for_among_all_reports(reports: LogReports, logs: Logs) -> None:
    wanted = [f"5b866fb1-0000-4000-8000-{number:012}" for number in range(500)]
    messages = [line(one, number) for number, one in enumerate(wanted)]
    messages.insert(7, line("ffffffff-0000-4000-8000-000000000000", 1.0))
    events = [{"message": message} for message in messages]
    logs.answers = [{"events": events[:300], "nextToken": "more"}, {"events": events[300:]}]
    found = reports.find(wanted)
    assert {one: report.duration_ms for one, report in found.items()} == {
        one: number for number, one in enumerate(wanted)
    }
    assert logs.asked == 2


def test_it_asks_again_for_what_has_not_arrived_yet(reports: LogReports, logs: Logs) -> None:
    logs.answers = [{"events": [{"message": line(FIRST, 1.0)}]}, {"events": []}]
    logs.answers.append({"events": [{"message": line(SECOND, 2.0)}]})
    assert set(reports.find([FIRST, SECOND])) == {FIRST, SECOND}
    assert logs.asked == 3


def test_after_finding_nothing_it_does_not_ask_again(reports: LogReports, logs: Logs) -> None:
    assert reports.find([FIRST]) == {}
    asked = logs.asked
    assert asked > 1
    assert reports.find([SECOND]) == {}
    assert logs.asked == asked


def test_a_missing_right_is_no_reason_to_stop(reports: LogReports, logs: Logs) -> None:
    logs.answers = [{"Error": {"Code": "AccessDeniedException", "Message": "no"}}]
    assert reports.find([FIRST]) == {}
    assert logs.asked == 1


def test_beside_a_local_lambda_there_are_no_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"):
        monkeypatch.delenv(name, raising=False)
    session = open_session(SessionOptions("eu-west-1", None, "http://127.0.0.1:9"))
    clock = Hasty()
    log = FunctionLog(session, "/aws/lambda/orders", clock)
    assert LogReports(log, clock).find([FIRST]) == {}
    assert clock.waits == 0
