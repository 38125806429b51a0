"""An account of AWS as its APIs tell it, for surveys: functions, metrics, and figures of logs.

Answers in the forms that the service models name: REST JSON, JSON and CBOR.
"""

import io
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.session
from botocore.parsers import RpcV2CBORParser
from botocore.serialize import CBORSerializer

_MODELS = botocore.session.Session()


@dataclass
class Account:
    """Functions by name, and what is known of each; ``denied`` operations answer 403."""

    functions: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: function -> metric and statistic -> value; and bytes of its log as ``log_bytes``
    metrics: dict[str, dict[Any, float]] = field(default_factory=dict)
    #: function -> rows of Logs Insights
    rows: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    advised: dict[str, int] = field(default_factory=dict)
    tagged: dict[str, dict[str, str]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    missing_groups: set[str] = field(default_factory=set)
    polls: int = 0  # how often a query is still running
    scans: float = 1.0  # how many times the bytes that were logged
    asked: list[tuple[str, Any]] = field(default_factory=list)
    _queries: dict[str, list[Any]] = field(default_factory=dict)

    def add(self, name: str, *, calls: float = 0.0, **configuration: Any) -> None:
        """A function, and how often it was called."""
        self.functions[name] = {
            "FunctionName": name,
            "FunctionArn": arn(name),
            "Runtime": "python3.13",
            "MemorySize": 512,
            "Timeout": 30,
            "CodeSize": 1000,
            "Architectures": ["x86_64"],
            "PackageType": "Zip",
            **configuration,
        }
        if calls:
            self.metrics[name] = {("Invocations", "Sum"): calls}

    def count(self, operation: str) -> int:
        """How often an operation was asked for."""
        return sum(name == operation for name, _ in self.asked)

    def answer(self, operation: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What AWS answers."""
        self.asked.append((operation, body))
        ask: Callable[[Mapping[str, Any]], dict[str, Any]] = getattr(self, f"_{operation}")
        return ask(body)

    def _ListFunctions(self, body: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        names = list(self.functions)
        start = int(body.get("Marker") or 0)
        page = [self.functions[name] for name in names[start : start + 50]]
        more = start + 50 < len(names)
        return {"Functions": page, **({"NextMarker": str(start + 50)} if more else {})}

    def _GetResources(self, body: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        wanted = body["TagFilters"]
        found = [
            name
            for name, tags in self.tagged.items()
            if all(tags.get(f["Key"]) in f.get("Values", [tags.get(f["Key"])]) for f in wanted)
        ]
        return {"ResourceTagMappingList": [{"ResourceARN": arn(name)} for name in found]}

    def _GetMetricData(self, body: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"MetricDataResults": [self._metric(each) for each in body["MetricDataQueries"]]}

    def _metric(self, query: Mapping[str, Any]) -> dict[str, Any]:
        told, stat = query["MetricStat"]["Metric"], query["MetricStat"]["Stat"]
        of = {each["Name"]: each["Value"] for each in told["Dimensions"]}
        name = of.get("FunctionName") or of["LogGroupName"].removeprefix("/aws/lambda/")
        key = "log_bytes" if "LogGroupName" in of else (told["MetricName"], stat)
        value = self.metrics.get(name, {}).get(key)
        return {"Id": query["Id"], "Timestamps": [], "Values": [] if value is None else [value]}

    def _StartQuery(self, body: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        if self.missing_groups & set(body["logGroupNames"]):
            raise LookupError("ResourceNotFoundException")
        query = f"q{len(self._queries)}"
        self._queries[query] = [self.polls, body["logGroupNames"]]
        return {"queryId": query}

    def _GetQueryResults(self, body: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        known = self._queries[body["queryId"]]
        if known[0] > 0:
            known[0] -= 1
            return {"status": "Running", "results": []}
        found = [
            [{"field": k, "value": v} for k, v in {"@log": f"123:{group}", **row}.items()]
            for group in known[1]
            for row in self.rows.get(group.removeprefix("/aws/lambda/"), ())
        ]
        names = [group.removeprefix("/aws/lambda/") for group in known[1]]
        of = (self.metrics.get(name, {}).get("log_bytes", 0.0) for name in names)
        scanned = {"bytesScanned": self.scans * sum(of)}
        return {"status": "Complete", "results": found, "statistics": scanned}

    def _StopQuery(self, body: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"success": True}

    def _GetLambdaFunctionRecommendations(  # noqa: N802
        self, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        found = [
            {
                "functionArn": f"{arn(name)}:$LATEST",
                "memorySizeRecommendationOptions": [{"rank": 1, "memorySize": size}],
            }
            for name, size in self.advised.items()
        ]
        return {"lambdaFunctionRecommendations": found}


def arn(name: str) -> str:
    """The ARN of a function of the account."""
    return f"arn:aws:lambda:eu-west-1:123456789012:function:{name}"


def reports(
    memory_mb: int,
    calls: int,
    billed_ms: float,
    *,
    cold: int = 0,
    init_ms: float = 0.0,
    **more: Any,
) -> dict[str, str]:
    """A row of Logs Insights for the text format; times are of one call, ``used`` in MB."""
    return {
        "@memorySize": str(memory_mb * 1_000_000),
        "calls": str(calls),
        "cold": str(cold),
        "billed": str(calls * billed_ms + cold * init_ms),
        "init": str(cold * init_ms),
        "p50": str(more.get("p50", billed_ms)),
        "p95": str(more.get("p95", 2 * billed_ms)),
        "longest": str(more.get("longest", 4 * billed_ms)),
        "used": str(more.get("used", 70) * 1_000_000),
    }


@contextmanager
def serving(account: Account) -> Iterator[str]:
    """Serve an account on loopback; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            _, _, query = self.path.partition("?")
            marker = dict(pair.split("=") for pair in query.split("&") if "=" in pair).get("Marker")
            self._give("ListFunctions", {"Marker": marker}, json.dumps, "application/json")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if "/operation/" in self.path:
                _, _, service, _, operation = self.path.split("/")
                read = RpcV2CBORParser()
                asked = read.parse_data_item(read.get_peekable_stream_from_bytes(body))
                self._give(operation, asked, lambda made: _cbor(service, operation, made), "cbor")
            else:
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                self._give(operation, json.loads(body), json.dumps, "application/x-amz-json-1.1")

        def _give(self, operation: str, body: Any, write: Any, kind: str) -> None:
            code, made = 200, b""
            if operation in account.denied:
                code, error = 403, "AccessDeniedException"
            else:
                try:
                    written = write(account.answer(operation, body))
                    made = written if isinstance(written, bytes) else written.encode()
                except LookupError as problem:
                    code, error = 400, str(problem)
            self.send_response(code)
            if code != 200:
                made = json.dumps({"__type": error, "message": "no"}).encode()
                kind = "application/json"
                self.send_header("x-amzn-ErrorType", error)
                self.send_header("x-amzn-query-error", f"{error};Sender")
                if "/operation/" in self.path:
                    made, kind = _cbor_text({"__type": error, "message": "no"}), "cbor"
            if kind == "cbor":
                self.send_header("smithy-protocol", "rpc-v2-cbor")
                kind = "application/cbor"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(made)))
            self.end_headers()
            self.wfile.write(made)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


_SERVICES = {
    "GraniteServiceVersion20100801": "cloudwatch",
    "ComputeOptimizerService": "compute-optimizer",
    "ResourceGroupsTaggingAPI_20170126": "resourcegroupstaggingapi",
}


def _cbor(service: str, operation: str, made: Mapping[str, Any]) -> bytes:
    model = _MODELS.get_service_model(_SERVICES[service])
    shape = model.operation_model(operation).output_shape
    written = bytearray()
    CBORSerializer()._serialize_data_item(written, made, shape)
    return bytes(written)


def _cbor_text(words: Mapping[str, str]) -> bytes:
    """A map of short texts (RFC 8949: major types 5 and 3)."""
    out = io.BytesIO()
    out.write(bytes([0xA0 | len(words)]))
    for text in (each for pair in words.items() for each in pair):
        raw = text.encode()
        out.write(bytes([0x60 | len(raw)]) if len(raw) < 24 else bytes([0x78, len(raw)]))
        out.write(raw)
    return out.getvalue()


def three_functions(calls: float) -> Account:
    """An account of a dear function, which has so many calls, one in danger, and an unused one."""
    found = Account()
    found.add("orders", calls=calls, MemorySize=1024)
    found.metrics["orders"] |= {
        ("Duration", "Sum"): calls * 200.0,
        ("Duration", "p50"): 190.0,
        ("Duration", "p95"): 400.0,
        ("Duration", "Maximum"): 900.0,
        ("Errors", "Sum"): 0.0,
        ("Throttles", "Sum"): 0.0,
        "log_bytes": 2e9,
    }
    found.rows["orders"] = [reports(1024, 900_000, 200.0, cold=9_000, init_ms=500.0, used=300)]
    found.add("mails", calls=10_000.0, MemorySize=256, Runtime="nodejs18.x")
    found.metrics["mails"] |= {
        ("Duration", "Sum"): 1e6,
        ("Duration", "Maximum"): 30_000.0,
        ("Throttles", "Sum"): 500.0,
        "log_bytes": 1e7,
    }
    found.rows["mails"] = [reports(256, 10_000, 100.0, used=250)]
    found.add("old")
    return found


def environment(url: str) -> dict[str, str]:
    """What names such an account to AWS's clients."""
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    return {**keys, "AWS_ENDPOINT_URL": url, "AWS_REGION": "eu-west-1"}
