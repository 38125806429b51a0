"""Every control-plane call fails in turn, in every way: all is put back, or can be.

A proxy on loopback stands between boto3 and the service and refuses, drops, delays, duplicates or
rewrites one call, or all from one on. A share of the faults is an ordinary test;

    pytest -m bench -s tests/contract/test_faults.py

strikes every call with each of them, in each way of isolation and while a size is applied.
"""

import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support import fault_proxy as f
from tuner.api.left import look
from tuner.aws.applied import read_record, record_path
from tuner.aws.apply import Application, ApplyOptions
from tuner.aws.calls import Patience
from tuner.aws.control import ControlPlane
from tuner.aws.moving import Steps
from tuner.aws.session import AwsSession, SessionOptions, open_session
from tuner.clock import WallClock
from tuner.errors import TargetError, TunerError
from tuner.records import Setting
from tuner.targets.aws import AwsTarget, on_architectures
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.choices import Isolation
from tuner.targets.names import parse_target
from tuner.targets.seam import one_variant

pytestmark = pytest.mark.slow

QUICK = Patience(attempts=3, first_s=0.001, longest_s=0.002)
RUN = "01JZZZZZZZZZZZZZZZZZZZZZZZ"
REGION = "eu-west-1"
IN_PROGRESS = "The operation cannot be performed at this time. An update is in progress"


@dataclass(frozen=True)
class Kind:
    """One way to fail. ``passes``: it strikes once and must not be noticed. Otherwise it may be
    told, and then everything can be put back when it is over."""

    fault: f.Fault
    lasting: bool = False
    passes: bool = True


def lasts(fault: f.Fault) -> Kind:
    return Kind(fault, lasting=True, passes=False)


def twists(body: bytes) -> bytes:
    """Other sizes and revisions than the service said."""
    told = json.loads(body or b"{}")
    for part in (told, told.get("Configuration") or {}):
        if "MemorySize" in part:
            part.update(MemorySize=part["MemorySize"] + 1, RevisionId="of somebody else")
    return json.dumps(told).encode()


KINDS = {
    "throttled": Kind(f.refuses(429, "TooManyRequestsException", "Rate exceeded")),
    "409": Kind(f.refuses(409, "ResourceConflictException", IN_PROGRESS)),
    "500 before": Kind(f.refuses(500, "ServiceException", "an internal error")),
    "500 after it acted": Kind(f.refuses_after(500, "ServiceException")),
    "503 without words": Kind(lambda _forward: [f.Answer(503, (), b"")]),
    "reset before": Kind(f.resets),
    "reset after it acted": Kind(f.resets_after),
    "delayed": Kind(f.delays),
    "asked twice": Kind(f.asks_twice),
    "answered twice": Kind(f.answers_twice),
    "412": Kind(f.refuses(412, "PreconditionFailedException", "not the latest"), passes=False),
    "a page instead": Kind(f.rewrites(b"<html>Log in</html>"), passes=False),
    "nothing in it": Kind(f.rewrites(b"{}"), passes=False),
    "cut off": Kind(f.rewrites(lambda body: body[: len(body) // 2]), passes=False),
    "500 with a page": Kind(f.answers(500, b"<html><h1>500</h1></html>")),
    "shorter than it says": Kind(f.measures_wrongly(500)),
    "longer than it says": Kind(f.measures_wrongly(-40), passes=False),
    "other values": Kind(f.rewrites(twists), passes=False),
    "token expired": lasts(f.refuses(403, "ExpiredTokenException", "expired")),
    "not allowed": Kind(f.refuses(403, "AccessDeniedException", "no"), passes=False),
    "resets from now on": lasts(f.resets),
    "resets from now on, acting": lasts(f.resets_after),
    "500 from now on, acting": lasts(f.refuses_after(500, "ServiceException")),
    "throttled from now on": lasts(f.refuses(429, "TooManyRequestsException", "Rate exceeded")),
    "pages from now on": lasts(f.rewrites(b"<html>Log in</html>")),
}
WAYS = ("versions", "clone", "in-place", "apply", "architectures", "apply-architecture")


@dataclass
class Strikes:
    """One way of changing a function, behind the proxy, with what has to be true afterwards."""

    proxy: f.FaultProxy
    service: Any
    function: str
    folder: Path
    what: str
    through: AwsSession
    clock: WallClock

    def picture(self) -> dict[str, Any]:
        names = {n["FunctionName"] for n in self.service.client.list_functions()["Functions"]}
        return {**self.service.picture(self.function), "functions": names}

    def calls(self) -> int:
        """How many control-plane calls it makes when nothing fails."""
        before = self.picture()
        self.proxy.pass_on()
        self._act()
        made = len(self.proxy.seen)
        self._put_back()
        assert self.picture() == before
        assert made >= 6
        return made

    def strike(self, at: int, kind: Kind, before: dict[str, Any]) -> str:
        """Break call number ``at``; gives what is wrong afterwards, empty if nothing is."""
        self.proxy.strike(at, kind.fault, kind.lasting)
        try:
            self._act()
            told = None
        except TunerError as error:
            told = error
        called = self.proxy.seen[at] if at < len(self.proxy.seen) else "no call"
        self.proxy.pass_on()
        left, _ = look(self.folder, self.folder)
        wrong = []
        if told and kind.passes:
            wrong.append(f"was noticed: {told}")
        if told and (told.exit_code != 1 or len(str(told).splitlines()) != 2 or not told.reason):
            wrong.append(f"was told badly: {told!r}")
        if not told and left:
            wrong.append("left something to put back and said nothing")
        self._put_back()
        now = self.picture()
        wrong += [f"{key}: {now[key]}, was {before[key]}" for key in now if now[key] != before[key]]
        return f"{called}: {'; '.join(wrong)}" if wrong else ""

    def _act(self) -> None:
        control = ControlPlane(self.through, self.clock, random.Random(1), QUICK)
        if self.what.startswith("apply"):
            said: list[str] = []
            application = Application(control, self.function, self.folder, said.append)
            arch = "arm64" if self.what == "apply-architecture" else None
            application.apply(ApplyOptions(RUN, 640, "live", Steps((0.1,), 0.01), arch=arch))
            return
        if self.what == "architectures":
            self._compare(control)
            return
        options = AwsOptions(journal=self.folder, isolation=Isolation(self.what), clock=self.clock)
        target = AwsTarget(control, parse_target(self.function), options)
        try:
            target.describe()
            one_variant(target, Setting(512))
            target.restore()
        finally:
            target.close()

    def _compare(self, control: ControlPlane) -> None:
        """A copy on each architecture; one that cannot be made is the other's to tell of."""
        options = AwsOptions(journal=self.folder, clock=self.clock)
        own = AwsTarget(control, parse_target(self.function), options)
        target = on_architectures(own, "both")
        try:
            made = target.prepare([Setting(512), Setting(512, "arm64")])
            target.restore()
        finally:
            target.close()
        failed = [each for each in made.values() if isinstance(each, TargetError)]
        if failed:
            raise failed[0]

    def _put_back(self) -> None:
        control = ControlPlane(self.through, self.clock, random.Random(1), QUICK)
        left, problems = look(self.folder, self.folder)
        assert not problems
        for one in left:
            assert one.back(control, lambda _text: None)
        assert look(self.folder, self.folder) == ([], [])
        path = record_path(self.folder, RUN)
        if path.exists():
            application = Application(control, self.function, self.folder, lambda _text: None)
            application.undo(read_record(path))


@pytest.fixture
def strikes(
    service: Any,
    what: str,
    function: str,
    journal: Path,
    hasty_clock: WallClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Strikes]:
    """On the user's function, which has a version, an alias and reserved concurrency."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:9")
    with f.FaultProxy(service.url).serving() as proxy:
        session = open_session(SessionOptions(region=REGION, endpoint_url=proxy.url))
        events = session.boto
        events.register("before-call.cloudwatch.GetMetricData", quiet_cloudwatch)
        yield Strikes(proxy, service, function, journal, what, session, hasty_clock)


def quiet_cloudwatch(**_: object) -> object:
    return SimpleNamespace(status_code=200), {"MetricDataResults": []}


#: moto is slow in this process, so that the hardest fault is enough there.
EACH_CALL = [
    *(("local", what, "reset after it acted") for what in WAYS),
    ("local", "clone", "nothing in it"),
    ("local", "apply", "token expired"),
    ("moto", "in-place", "reset after it acted"),
]


@pytest.mark.parametrize(("service", "what", "kind"), EACH_CALL, indirect=["service"])
def test_whichever_call_is_struck_everything_is_put_back_and_the_reason_told(
    strikes: Strikes, kind: str
) -> None:
    before = strikes.picture()
    calls = range(strikes.calls())
    found = [strikes.strike(at, KINDS[kind], before) for at in calls]
    assert [text for text in found if text] == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("service", "what"), [("local", "versions")], indirect=["service"])
def test_each_kind_of_fault_in_some_call(strikes: Strikes, kind: str) -> None:
    before = strikes.picture()
    calls = range(list(KINDS).index(kind) % 6, strikes.calls(), 6)
    found = [strikes.strike(at, KINDS[kind], before) for at in calls]
    assert [text for text in found if text] == []


@pytest.mark.bench
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("what", WAYS)
@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_every_fault_at_every_call(strikes: Strikes) -> None:
    before = strikes.picture()
    calls = range(strikes.calls())
    wrong: list[str] = []
    for name, kind in KINDS.items():
        found = [strikes.strike(at, kind, before) for at in calls]
        wrong += [f"{name}, {text}" for text in found if text]
    sys.stdout.write(
        f"\n{strikes.what:<9} {len(calls)} calls x {len(KINDS)} faults: all put back and told"
        f" after {len(calls) * len(KINDS) - len(wrong)} of {len(calls) * len(KINDS)}; reach: all\n"
    )
    assert wrong == []


def test_the_proxy_passes_on_what_is_not_struck_and_counts_it(
    service: Any, function: str, client_for: Callable[[str], Any]
) -> None:
    with f.FaultProxy(service.url).serving() as proxy:
        client = client_for(proxy.url)
        direct = service.client.get_function_configuration(FunctionName=function)
        seen = client.get_function_configuration(FunctionName=function)
        assert {**seen, "ResponseMetadata": 0} == {**direct, "ResponseMetadata": 0}
        assert proxy.seen == [f"GET /2015-03-31/functions/{function}/configuration"]
