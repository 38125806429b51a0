"""Endpoints that know Invoke only, as emulators do: what works there, and what is refused."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from support.commands import Run

pytestmark = pytest.mark.slow

#: How emulators answer what they do not know: status, headers, body.
UNKNOWN = {
    "sam": ("404 NOT FOUND", "x-amzn-errortype: PathNotFoundLocally\r\n", b'{"Message": "no"}'),
    "plain": ("404 Not Found", "content-type: text/plain\r\n", b"404 page not found\n"),
    "other": ("501 Unsupported", "content-type: text/html\r\n", b"<html>no</html>"),
    "method": ("405 Method Not Allowed", "", b"{}"),
}


def emulator(serve: Any, kind: str = "sam", status: str = "200 OK") -> Any:
    def script(server: Any, connection: socket.socket, number: int) -> bool:
        invoked = server.requests[number].split(b"\r\n")[0]
        head, more, body = UNKNOWN[kind]
        if invoked.startswith(b"POST ") and b"/invocations" in invoked:
            head, more, body = status, "", b'{"ok": true}'
        said = f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
        connection.sendall(said.encode() + body)
        return True

    return serve(script)


@pytest.mark.parametrize("kind", UNKNOWN)
def test_a_load_has_client_times_and_no_prices(tuner: Run, serve: Any, kind: str) -> None:
    url = emulator(serve, kind).url
    words = ("--rate", "20", "--duration", "500ms", "--json", "-", "--yes")
    code, out, err = tuner("load", "orders", "--endpoint-url", url, *words)
    assert code == 0, err
    told = json.loads(out)
    assert told["outcomes"]["ok"] == 10
    assert told["latency_ms"]["p50"] > 0
    assert (told["cost_usd"], told["duration_ms"]) == (None, {})
    codes = [each["code"] for each in told["warnings"]]
    assert codes[:1] == ["invoke-only"] and {*codes[1:]} <= {"generator-behind"}  # of this machine
    assert "prices are not known, and calls count as made at 128 MB" in told["warnings"][0]["text"]


def test_one_size_is_measured_and_none_recommended(tuner: Run, serve: Any) -> None:
    url = emulator(serve).url
    words = ("--memory", "512", "--samples", "12", "--json", "sweep.json", "--yes")
    code, out, err = tuner("sweep", "orders", "--endpoint-url", url, *words)
    assert code == 0, err
    told = json.loads(Path("sweep.json").read_text())
    (size,) = told["sizes"]
    assert (size["memory_mb"], size["status"], size["warm"]["n"]) == (512, "ok", 12)
    assert size["warm"]["client_ms"]["p50"] > 0
    assert (size["cost_usd_per_million"]["mean"], told["recommendation"]) == (None, None)
    assert "the same on AWS would cost" not in out
    assert "12 warm calls at 512 MB: p50 " in out
    assert [each["code"] for each in told["warnings"]] == ["invoke-only"]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("sweep", "orders"), "--memory"),
        (("sweep", "orders", "--memory", "128,256"), "--memory"),
        (("sweep", "orders", "--memory", "512", "--cold", "3"), "--cold"),
        (("cold", "orders", "--memory", "512"), "--cold"),
        (("sweep", "orders", "--memory", "512", "--isolation", "clone"), "--isolation"),
        (("sweep", "orders", "--memory", "512", "--architectures", "both"), "--architectures"),
        (("sweep", "orders", "--memory", "512", "--profile-load", "steady"), "--profile-load"),
        (("load", "orders", "--rate", "5", "--mode", "async"), "--mode async"),
        (("load", "orders", "--rate", "5", "--isolation", "clone"), "--isolation"),
    ],
)
def test_what_needs_the_control_plane_is_refused_first(
    tuner: Run, serve: Any, words: tuple[str, ...], option: str
) -> None:
    server = emulator(serve)
    code, _, err = tuner(*words, "--endpoint-url", server.url, "--yes")
    assert code in (1, 2)
    assert f"tuner: {option}: " in err
    assert f"{server.url} knows Invoke only" in err
    assert not any(b"/invocations" in request for request in server.requests)


def test_a_name_that_it_does_not_know_is_said_with_the_way_on(tuner: Run, serve: Any) -> None:
    url = emulator(serve, status="404 Not Found").url
    words = ("--rate", "5", "--duration", "500ms", "--yes")
    code, _, err = tuner("load", "orders", "--endpoint-url", url, *words)
    assert code == 1
    assert "orders: cannot be invoked" in err
    assert "knows `function` alone" in err


def test_a_doctor_says_what_works_there(tuner: Run, serve: Any) -> None:
    url = emulator(serve).url
    _, out, _ = tuner("doctor", "orders", "--memory", "512", "--endpoint-url", url)
    assert "knows Invoke only: loads and one size can be measured" in out
