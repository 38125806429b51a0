"""`tuner sweep` behind a proxy that breaks one control-plane call: how the command ends.

A few calls are an ordinary test; every call in turn, in each way of isolation:

    pytest -m bench -s tests/contract/test_faults_command.py
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from support import fault_proxy as f
from tuner.api.left import look
from tuner.cli.app import main

GRID = ("--method", "grid", "--memory", "128,512", "--samples", "1", "--cold", "0", "--yes", "-q")
#: What passes, what is told, and what stays until the command ends.
KINDS = {
    "reset after it acted": (f.resets_after, False, (0,)),
    "a page instead": (f.rewrites(b"<html>Log in</html>"), False, (0, 1, 3)),
    "token expired": (f.refuses(403, "ExpiredTokenException", "expired"), True, (0, 1)),
}
each_way = pytest.mark.parametrize("isolation", ["versions", "clone", "in-place"])
locally = pytest.mark.parametrize("service", ["local"], indirect=True)


@dataclass
class Command:
    """A sweep from the command line, behind the proxy."""

    proxy: f.FaultProxy
    service: Any
    function: str
    isolation: str
    said: pytest.CaptureFixture[str]

    def run(self, *words: str) -> tuple[int, str]:
        """The exit code, and what was said on stderr."""
        self.said.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(words)
        return int(ended.value.code or 0), self.said.readouterr().err

    def sweep(self) -> tuple[int, str]:
        where = ("--endpoint-url", self.proxy.url, "--region", "eu-west-1")
        return self.run("sweep", self.function, *where, "--isolation", self.isolation, *GRID)

    def picture(self) -> dict[str, Any]:
        names = {n["FunctionName"] for n in self.service.client.list_functions()["Functions"]}
        return {**self.service.picture(self.function), "functions": names}

    def strike(self, at: int, kind: str, before: dict[str, Any]) -> str:
        """What is wrong when call number ``at`` is broken, empty if nothing is."""
        fault, lasting, codes = KINDS[kind]
        self.proxy.strike(at, fault, lasting)
        code, err = self.sweep()
        self.proxy.pass_on()
        wrong = [] if code in codes else [f"exit code {code}"]
        told = [line for line in err.splitlines() if line.startswith("tuner: ")]
        errors = [line for line in told if "run `tuner restore`" not in line]  # what is left
        if "Traceback" in err or (code == 1 and len(errors) != 1):
            wrong.append(f"said {err!r}")
        left, _ = look()
        if left and code == 0:
            wrong.append("left something and ended as if all were well")
        if left:
            wrong += [] if self.run("restore")[0] == 0 else ["restore failed"]
        now = self.picture()
        wrong += [f"{key}: {now[key]}, was {before[key]}" for key in now if now[key] != before[key]]
        return f"{kind}, call {at}: {'; '.join(wrong)}" if wrong else ""


@pytest.fixture
def command(
    service: Any, function: str, isolation: str, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """In a directory of its own."""
    with f.FaultProxy(service.url).serving() as proxy:
        yield Command(proxy, service, function, isolation, capsys)


@pytest.mark.parametrize(
    ("isolation", "kind", "at"),
    [
        ("versions", "token expired", 9),
        ("clone", "a page instead", 4),
        ("in-place", "reset after it acted", 5),
    ],
)
@locally
def test_a_struck_sweep_ends_with_the_right_code_and_one_reason(
    command: Command, kind: str, at: int
) -> None:
    assert command.strike(at, kind, command.picture()) == ""


@pytest.mark.bench
@pytest.mark.timeout(1800)
@each_way
@locally
def test_a_sweep_struck_at_every_call(
    command: Command, isolation: str, report: Callable[[str], None]
) -> None:
    before = command.picture()
    command.proxy.pass_on()
    assert command.sweep()[0] == 0
    calls = len(command.proxy.seen)
    found = [command.strike(at, kind, before) for kind in KINDS for at in range(calls)]
    wrong = [text for text in found if text]
    report(
        f"{isolation:<9} {calls} calls x {len(KINDS)} faults: exit code and reason right"
        f" after {len(found) - len(wrong)} of {len(found)}; reach: all"
    )
    assert wrong == []


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print past the capture of this test."""

    def print_(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}\n")

    return print_
