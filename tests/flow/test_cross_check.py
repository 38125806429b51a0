"""Loads, sweeps and cold starts on the local Lambda, with a CloudWatch and an X-Ray on loopback
that say what a script says: the whole way from the option to the warning."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tuner.cli.app import main
from tuner.records import Outcome
from tuner.store.runs import Store

pytestmark = pytest.mark.slow

HANDLER = "def handler(event, context):\n    return 1\n"
#: Gives the value of a figure: of which resource, which metric.
Script = Callable[[str, str], float | None]


class Witnesses(ThreadingHTTPServer):
    """CloudWatch's GetMetricData, and X-Ray's two questions, by a script."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.script: Script = lambda _resource, _metric: None
        self.segments: Callable[[], list[dict[str, Any]]] = list
        self.refuse = False
        self.asked: list[tuple[str, str]] = []
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Answers(BaseHTTPRequestHandler):
    server: Witnesses

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        asked = self.headers.get("X-Amz-Target", self.path).rpartition(".")[2]
        self.server.paths.append(asked)
        if self.server.refuse:
            self._answer(403, {"__type": "AccessDeniedException", "message": "not you"})
        elif asked == "GetMetricData":
            self._answer(200, {"MetricDataResults": self._figures(body)})
        elif asked == "/TraceSummaries":
            self._answer(200, {"TraceSummaries": [{"Id": "1-0-0", "IsPartial": False}]})
        else:
            documents = [{"Document": json.dumps(each)} for each in self.server.segments()]
            self._answer(200, {"Traces": [{"Id": "1-0-0", "Segments": documents}]})

    def _figures(self, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        found = []
        for query in asked["MetricDataQueries"]:
            metric = query["MetricStat"]["Metric"]
            resource = {d["Name"]: d["Value"] for d in metric["Dimensions"]}["Resource"]
            self.server.asked.append((resource, metric["MetricName"]))
            value = self.server.script(resource, metric["MetricName"])
            moments = [] if value is None else [asked["StartTime"] + 60]
            values = [] if value is None else [value]
            found.append({"Id": query["Id"], "Timestamps": moments, "Values": values})
        return found

    def _answer(self, status: int, told: Any) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def witnesses(monkeypatch: pytest.MonkeyPatch) -> Iterator[Witnesses]:
    """The environment names them, as a user's would."""
    server = Witnesses()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", server.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_XRAY", server.url)
    yield server
    server.shutdown()
    server.server_close()


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def tuner(capsys: pytest.CaptureFixture[str], local_lambda_url: str) -> Run:
    """Run a command on the local Lambda in an empty folder; its JSON, and what it said beside."""

    def run(*words: str, code: int = 0) -> dict[str, Any]:
        where = ("--endpoint-url", local_lambda_url, "--region", "eu-west-1")
        with pytest.raises(SystemExit) as ended:
            main([*words, *where, "--json", "told.json", "--seed", "1", "--yes", "--no-progress"])
        said = capsys.readouterr()
        assert int(ended.value.code or 0) == code, said.err
        told: dict[str, Any] = json.loads(Path("told.json").read_text())
        return {**told, "said": said.out, "report_text": Path(told["report"]).read_text()}

    return run


def codes(told: Mapping[str, Any]) -> list[str]:
    found = (warning["code"] for warning in told["warnings"])
    return [each for each in found if each.startswith(("metrics", "traces", "cross"))]


LOAD = ("--rate", "10", "--duration", "1s")


def counts(figures: Mapping[str, float]) -> Script:
    return lambda _resource, metric: figures.get(metric)


def test_a_load_that_cloudwatch_confirms_says_so_and_warns_of_nothing(
    witnesses: Witnesses, tuner: Run, new_function: Callable[..., str]
) -> None:
    name = new_function(HANDLER)
    witnesses.script = counts({"Invocations": 10, "Errors": 0, "Throttles": 0})
    told = tuner("load", name, *LOAD, "--cross-check")
    assert codes(told) == []
    (row,) = told["cross_check"]["cloudwatch"]
    assert (row["ran"], row["seen"]["invocations"], row["qualifier"]) == (10, 10, None)
    assert witnesses.asked[0] == (name, "Invocations")
    assert {metric for _, metric in witnesses.asked} == {
        *("Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions")
    }
    words = "CloudWatch counted 10 of 10 invocations"
    assert words in told["said"]
    assert "X-Ray is off" in told["said"]
    assert words in told["report_text"]


def test_somebody_else_who_calls_is_a_warning_in_terminal_json_and_report(
    witnesses: Witnesses, tuner: Run, new_function: Callable[..., str]
) -> None:
    name = new_function(HANDLER)
    witnesses.script = counts({"Invocations": 25, "Throttles": 3})
    told = tuner("load", name, *LOAD, "--cross-check")
    assert codes(told) == ["metrics-more", "metrics-throttles"]
    assert told["cross_check"]["disagreements"] == ["metrics-more", "metrics-throttles"]
    for shown in (told["said"], told["report_text"]):
        assert "25 invocations where 10 ran" in shown.replace("\n", " ")
    with Store.open(None) as store:
        kept = store.documents(told["run"])
    assert kept["load"]["cross_check"] == told["cross_check"]


def test_a_sweep_is_compared_version_by_version_and_its_stored_run_keeps_it(
    witnesses: Witnesses,
    tuner: Run,
    new_function: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = new_function(HANDLER)
    witnesses.script = counts({"Invocations": 99})
    words = ("--method", "grid", "--memory", "512,1024", "--samples", "3", "--cold", "0")
    told = tuner("sweep", name, *words, "--cross-check")
    assert codes(told) == ["metrics-more"]
    rows = told["cross_check"]["cloudwatch"]
    assert [row["memory_mb"] for row in rows] == [512, 1024]
    assert {resource for resource, _ in witnesses.asked} == {
        f"{name}:{row['qualifier']}" for row in rows
    }
    with Store.open(None) as store:
        sent = [s for s in store.samples(told["run"]) if s.outcome is Outcome.OK]
    assert sum(row["ran"] for row in rows) == len(sent)
    with pytest.raises(SystemExit) as ended:
        main(["recommend", "last", "--json", "-"])
    assert ended.value.code == 0
    again = json.loads(capsys.readouterr().out)
    assert again["cross_check"] == told["cross_check"]
    assert codes(again) == ["metrics-more"]


def test_a_sweep_over_architectures_is_compared_copy_by_copy(
    witnesses: Witnesses, tuner: Run, new_function: Callable[..., str]
) -> None:
    name = new_function(HANDLER, TracingConfig={"Mode": "Active"})
    witnesses.script = counts({"Invocations": 99})
    words = ("--method", "grid", "--memory", "512", "--samples", "1", "--cold", "0")
    told = tuner("sweep", name, "--architectures", "both", *words, "--cross-check")
    assert codes(told) == ["metrics-more"]
    rows = told["cross_check"]["cloudwatch"]
    assert {row["arch"] for row in rows} == {"x86_64", "arm64"}
    assert all(resource.startswith("tuner-") for resource, _ in witnesses.asked)
    assert len({resource for resource, _ in witnesses.asked}) == len(rows)
    assert told["cross_check"]["xray"]["read"] == 0


def test_cold_starts_are_compared_as_well(
    witnesses: Witnesses, tuner: Run, new_function: Callable[..., str]
) -> None:
    name = new_function(HANDLER)
    witnesses.script = counts({"Invocations": 50})
    told = tuner("cold", name, "--memory", "512", "--cold", "1", "--cross-check")
    assert codes(told) == ["metrics-more"]


def test_a_short_run_asks_nobody_unless_told_to(
    witnesses: Witnesses, tuner: Run, new_function: Callable[..., str]
) -> None:
    told = tuner("load", new_function(HANDLER), *LOAD)
    assert (witnesses.paths, told["cross_check"], codes(told)) == ([], None, [])


def test_a_missing_right_is_a_warning_and_the_load_ends_well(
    witnesses: Witnesses, tuner: Run, new_function: Callable[..., str]
) -> None:
    witnesses.refuse = True
    told = tuner("load", new_function(HANDLER), *LOAD, "--cross-check")
    assert codes(told) == ["cross-check-denied"]
    assert "cloudwatch:GetMetricData is not allowed" in told["said"].replace("\n", " ")
    assert "X-Ray" not in told["said"]


def test_a_local_lambda_named_for_all_services_is_not_asked_for_figures(
    tuner: Run,
    new_function: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    local_lambda_url: str,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", local_lambda_url)
    told = tuner("load", new_function(HANDLER), *LOAD, "--cross-check")
    assert (told["cross_check"], codes(told)) == (None, [])
    assert "Cross-check" not in told["said"]


def test_traces_of_a_traced_function_are_compared_call_by_call(
    witnesses: Witnesses, tuner: Run, new_function: Callable[..., str]
) -> None:
    name = new_function(HANDLER, TracingConfig={"Mode": "Active"})
    witnesses.script = counts({"Invocations": 10})

    def segments() -> list[dict[str, Any]]:
        with Store.open(None) as store:
            (run,) = store.runs()
            samples = store.samples(run.run)
        return [segment for s in samples for segment in segments_of(s.request_id or "", s.init_ms)]

    def segments_of(request_id: str, init_ms: float | None) -> list[dict[str, Any]]:
        span = {"start_time": run_s, "end_time": run_s + 0.01}
        init = {"name": "Init", "start_time": run_s - (init_ms or 0) / 1000 - 0.5}
        inner = [] if init_ms is None else [{**init, "end_time": run_s}]
        aws = {"request_id": request_id}
        noted = {"aws:responseLatency": 2.0}
        return [
            {"id": request_id, "origin": "AWS::Lambda", "aws": aws, **span},
            {"id": f"f{request_id}", "origin": "AWS::Lambda::Function", "parent_id": request_id}
            | {"annotations": noted, "subsegments": inner, **span},
        ]

    run_s = 1_700_000_000.0
    witnesses.segments = segments
    told = tuner("load", name, *LOAD, "--cross-check")
    traces = told["cross_check"]["xray"]
    assert (traces["read"], traces["matched"]) == (10, 10)
    assert traces["with_init"] == told["cold_starts"] > 0
    assert traces["service_ms"] == pytest.approx(8.0, abs=0.1)
    assert codes(told) == ["traces-init"]  # half a second of INIT was made up
    assert "X-Ray has 10 of them" in told["said"].replace("\n", " ")


def test_recordings_and_demos_have_no_witness_and_say_nothing_of_it(
    witnesses: Witnesses, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rec.csv").write_text("memory_mb,duration_ms\n" + "512,100\n" * 9)
    with pytest.raises(SystemExit) as ended:
        main(["load", "replay:rec.csv", *LOAD, "--cross-check", "--json", "-"])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["cross_check"], codes(told), witnesses.paths) == (None, [], [])
