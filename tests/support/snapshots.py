"""A front on loopback that gives a local Lambda SnapStart as AWS's API shows it.

No snapshot is taken: INIT runs as ever, and its time is told as the restore's. What is scripted is
what a client sees: SnapStart in configurations, versions that are Pending for some looks, and
``Restore Duration`` in REPORT. Everything else is the local Lambda's.
"""

import base64
import json
import re
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_FUNCTION = re.compile(r"/2015-03-31/functions/([^/?]+)(/[^?]*)?(?:\?Qualifier=([^&]+))?")
_INIT = re.compile(r"Init Duration: ([\d.]+) ms")


class SnapshotFront:
    """``url`` is where it listens. ``pending`` looks see a new snapshot Pending; with ``fails`` its
    INIT fails. ``applied`` is what SnapStart applies on, by function."""

    def __init__(self, behind: str, pending: int = 2, fails: bool = False) -> None:
        self.behind, self.pending, self.fails = behind, pending, fails
        self.applied: dict[str, str] = {}
        self.looks: dict[tuple[str, str], int] = {}  # left, of versions that are snapshots
        self.calls: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def asked(self, method: str, path: str, body: bytes) -> bytes:
        """What is passed on; a setting of SnapStart is kept here."""
        match = _FUNCTION.match(path)
        self.calls.append((method, path))
        if not match or method != "PUT" or match[2] != "/configuration":
            return body
        wanted = json.loads(body)
        if "SnapStart" in wanted:
            self.applied[_name(match[1])] = wanted.pop("SnapStart")["ApplyOn"]
        return json.dumps(wanted).encode()

    def answered(self, method: str, path: str, body: bytes) -> bytes:
        """What is given back, with SnapStart in it."""
        match = _FUNCTION.match(path)
        if not match or b"FunctionArn" not in body:
            return body
        told: dict[str, Any] = json.loads(body)
        name = _name(match[1])
        for one in (told.get("Configuration"), told, *told.get("Versions", ())):
            if isinstance(one, dict) and "FunctionArn" in one:
                self._dress(name, one, published=match[2] == "/versions" and method == "POST")
        return json.dumps(told).encode()

    def report(self, path: str, tail: str) -> str:
        """A log tail in which a snapshot's INIT is a restore."""
        match = _FUNCTION.match(path)
        if not match or (_name(match[1]), str(match[3])) not in self.looks:
            return tail
        return _INIT.sub(r"Restore Duration: \1 ms\tBilled Restore Duration: 20 ms", tail)

    def _dress(self, name: str, one: dict[str, Any], published: bool) -> None:
        version = one["Version"]
        on = self.applied.get(name, "None")
        if published and on == "PublishedVersions":
            self.looks[name, version] = self.pending
        if version == "$LATEST":
            one["SnapStart"] = {"ApplyOn": on, "OptimizationStatus": "Off"}
        elif (name, version) in self.looks:
            left = self.looks[name, version]
            self.looks[name, version] = max(0, left - 1)
            state = "Pending" if left else "Failed" if self.fails else "Active"
            one["SnapStart"] = {
                "ApplyOn": "PublishedVersions",
                "OptimizationStatus": "On" if state == "Active" else "Off",
            }
            one["State"] = state
            if state == "Failed":
                one["StateReason"] = "INIT failed"


def _name(text: str) -> str:
    return urllib.request.url2pathname(text).rsplit(":function:", 1)[-1].split(":")[0]


def _handler(front: SnapshotFront) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            """Pass a request on, and its answer back."""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path.startswith("/tuner/"):  # it plays AWS, which has no such pages
                self._answer(404, b"{}", {})
                return
            asked = front.asked(self.command, self.path, body)
            kept = {
                key: value
                for key, value in self.headers.items()
                if key.lower() not in ("host", "content-length", "connection", "accept-encoding")
            }
            request = urllib.request.Request(
                front.behind + self.path, asked or None, kept, method=self.command
            )
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    told, status, headers = answer.read(), answer.status, dict(answer.headers)
            except urllib.error.HTTPError as error:
                told, status, headers = error.read(), error.code, dict(error.headers)
            if "X-Amz-Log-Result" in headers:
                tail = base64.b64decode(headers["X-Amz-Log-Result"]).decode()
                dressed = front.report(self.path, tail)
                headers["X-Amz-Log-Result"] = base64.b64encode(dressed.encode()).decode()
            self._answer(status, front.answered(self.command, self.path, told), headers)

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for key, value in headers.items():
                if key.lower() not in ("content-length", "connection", "date", "server"):
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing is written."""

    for method in ("GET", "PUT", "POST", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.pass_on)
    return Handler
