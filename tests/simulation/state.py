"""What Lambda keeps, on a virtual clock: functions with their past, and what is due later.

Follows what AWS answers: each change and each end of one has a RevisionId of its own, and
publishing an unchanged function returns the version that there is (AWS's recorded answers, as
LocalStack keeps them in its snapshots). The API to it is ``service.py``.
"""

import heapq
import itertools
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from random import Random
from typing import Any

from tuner.clock import VirtualClock

ACCOUNT, REGION = "123456789012", "eu-west-1"
PREFIX = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
SHA = b64encode(sha256(b"code").digest()).decode()
LATEST = "$LATEST"
Config = dict[str, Any]
#: What of ``$LATEST`` makes a version another one than the last.
_PUBLISHED = (
    *("MemorySize", "CodeSha256", "Description", "Timeout", "Environment", "Architectures"),
    "Role",
)


@dataclass
class Function:
    """One function: ``$LATEST`` with its past, versions, aliases, provisioned concurrency."""

    history: list[tuple[float, Config]]
    versions: dict[str, Config] = field(default_factory=dict)
    aliases: dict[str, Config] = field(default_factory=dict)
    provisioned: dict[str, int] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    made: int = 0
    published_as: tuple[Any, ...] = ()

    @property
    def latest(self) -> Config:
        return self.history[-1][1]


class State:
    """The account: functions by name, and events that are due at moments of the clock."""

    def __init__(self, clock: VirtualClock, rng: Random, code_url: str) -> None:
        self.clock, self.rng, self.code_url = clock, rng, code_url
        self.functions: dict[str, Function] = {}
        self.lag_s = 0.0
        self.takes_s = (0.2, 2.0)
        self.fails = 0.0
        self.tags_move = False  # no page of AWS says if tags move the RevisionId
        self._revisions = itertools.count(1)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._now: float | None = None

    @property
    def now(self) -> float:
        return self.clock.monotonic() if self._now is None else self._now

    def at(self, moment: float, act: Callable[[], None]) -> None:
        """Have something happen at a moment (seconds of the clock)."""
        heapq.heappush(self._due, (moment, next(self._order), act))

    def catch_up(self) -> None:
        """Let everything happen that is due by now, in order."""
        while self._due and self._due[0][0] <= self.clock.monotonic():
            moment, _, act = heapq.heappop(self._due)
            with self._at_moment(moment):
                act()

    @contextmanager
    def _at_moment(self, moment: float) -> Iterator[None]:
        self._now = moment
        try:
            yield
        finally:
            self._now = None

    def add(self, name: str, **fields: Any) -> Function:
        """A function that is there and active."""
        config = {
            "FunctionName": name,
            "FunctionArn": PREFIX + name,
            "Runtime": "python3.12",
            "Handler": "app.handler",
            "Role": f"arn:aws:iam::{ACCOUNT}:role/r",
            "Timeout": 30,
            "MemorySize": 256,
            "Description": "takes orders",
            "CodeSha256": SHA,
            "Version": LATEST,
            "Architectures": ["x86_64"],
            "PackageType": "Zip",
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
            "RevisionId": self.revision(),
            "LastModified": self.stamp(),
            **fields,
        }
        self.functions[name] = Function([(self.now, config)])
        return self.functions[name]

    def revision(self) -> str:
        return f"revision-{next(self._revisions)}"

    def stamp(self) -> str:
        """The moment as LastModified has it; the epoch is any."""
        moment = datetime.fromtimestamp(self.now, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "+0000")

    def change(self, name: str, **fields: Any) -> Config:
        """Set fields of ``$LATEST``: in progress at first, then done or failed."""
        function = self.functions[name]
        config = {**deepcopy(function.latest), **fields, "RevisionId": self.revision()}
        config.update(LastUpdateStatus="InProgress", LastUpdateStatusReason="")
        config["LastModified"] = self.stamp()
        function.history.append((self.now, config))
        self.at(self.now + self.rng.uniform(*self.takes_s), lambda: self._ended(name, config))
        return config

    def _ended(self, name: str, begun: Config) -> None:
        function = self.functions.get(name)
        if function is None or function.latest is not begun:
            return
        config = {**begun, "RevisionId": self.revision(), "LastUpdateStatus": "Successful"}
        if self.rng.random() < self.fails:
            config.update(LastUpdateStatus="Failed", LastUpdateStatusReason="EniLimitExceeded")
        function.history.append((self.now, config))

    def publish(self, name: str, description: str) -> Config:
        """A version of ``$LATEST``; the one there is if nothing has changed since."""
        function = self.functions[name]
        latest = function.latest
        same = tuple(repr(latest.get(key)) for key in _PUBLISHED)
        if function.published_as == same and str(function.made) in function.versions:
            return function.versions[str(function.made)]
        function.made += 1
        function.published_as = same
        number = str(function.made)
        version = {**deepcopy(latest), "Version": number, "RevisionId": self.revision()}
        version.update(FunctionArn=f"{latest['FunctionArn']}:{number}", Description=description)
        if latest["SnapStart"]["ApplyOn"] == "PublishedVersions":
            version["SnapStart"] = {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
        function.versions[number] = version
        # Publishing moves the RevisionId of $LATEST (recorded on AWS).
        function.history.append((self.now, {**latest, "RevisionId": self.revision()}))
        return version

    def activate(self, name: str, function: Function) -> None:
        """Have a function that was just made be active after a while."""
        begun = function.latest

        def active() -> None:
            if self.functions.get(name) is function and function.latest is begun:
                done = {**begun, "State": "Active", "RevisionId": self.revision()}
                function.history.append((self.now, done))

        self.at(self.now + self.rng.uniform(*self.takes_s), active)
