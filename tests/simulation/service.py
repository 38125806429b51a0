"""Lambda's control plane on a virtual clock: replicas that lag, updates that take time, refusals.

Follows what AWS answers: each change and each end of one has a RevisionId of its own, a second
change while one is in progress is a 409, an unexpected RevisionId a 412, and publishing an
unchanged function returns the version that there is (AWS's recorded answers, as LocalStack keeps
them in its snapshots). Reads may be old. Nothing here fails by itself; see ``chaos.py``.
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
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from tuner.clock import VirtualClock

ACCOUNT, REGION = "123456789012", "eu-west-1"
PREFIX = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
SHA = b64encode(sha256(b"code").digest()).decode()
LATEST = "$LATEST"
Config = dict[str, Any]


def refused(status: int, code: str, said: str) -> ClientError:
    answer = {
        "Error": {"Code": code, "Message": said},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "simulated")


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


class Service:
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

    # -- time ------------------------------------------------------------------------------------

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

    # -- what hands do -----------------------------------------------------------------------------

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
        same = (
            latest["MemorySize"],
            latest["CodeSha256"],
            latest["Description"],
            latest["Timeout"],
        )
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

    # -- the API -----------------------------------------------------------------------------------

    def function(self, name: str) -> Function:
        own = name.rsplit(":", 1)[-1] if name.startswith("arn:") else name
        if own not in self.functions:
            raise refused(404, "ResourceNotFoundException", f"Function not found: {PREFIX}{own}")
        return self.functions[own]

    def seen(self, function: Function) -> Config:
        """``$LATEST`` as a replica shows it: now, or some time ago."""
        moment = self.now - self.rng.uniform(0.0, self.lag_s)
        past = [config for began, config in function.history if began <= moment]
        return deepcopy(past[-1] if past else function.history[0][1])

    def guard(self, function: Function, revision: str | None, *, idle: bool = True) -> None:
        latest = function.latest
        if idle and latest["LastUpdateStatus"] == "InProgress":
            said = "The operation cannot be performed at this time. An update is in progress for "
            raise refused(409, "ResourceConflictException", said + latest["FunctionArn"])
        if revision is not None and revision != latest["RevisionId"]:
            said = "The Revision Id provided does not match the latest Revision Id."
            raise refused(412, "PreconditionFailedException", said)

    def get_function(self, FunctionName: str, Qualifier: str | None = None) -> Config:  # noqa: N803
        function = self.function(FunctionName)
        if Qualifier in (None, LATEST):
            config = self.seen(function)
        elif Qualifier in function.aliases:
            config = deepcopy(function.versions[function.aliases[Qualifier]["FunctionVersion"]])
        elif Qualifier in function.versions:
            config = deepcopy(function.versions[Qualifier])
        else:
            raise refused(404, "ResourceNotFoundException", f"Function not found: {Qualifier}")
        return {
            "Configuration": config,
            "Code": {"Location": self.code_url},
            "Tags": dict(function.tags),
        }

    def update_function_configuration(
        self,
        FunctionName: str,  # noqa: N803
        RevisionId: str | None = None,  # noqa: N803
        **fields: Any,
    ) -> Config:
        function = self.function(FunctionName)
        self.guard(function, RevisionId)
        if "SnapStart" in fields:
            fields["SnapStart"] = {**fields["SnapStart"], "OptimizationStatus": "Off"}
        return deepcopy(self.change(function.latest["FunctionName"], **fields))

    def update_function_code(
        self,
        FunctionName: str,  # noqa: N803
        ZipFile: bytes,  # noqa: N803
        Architectures: list[str],  # noqa: N803
        RevisionId: str | None = None,  # noqa: N803
    ) -> Config:
        function = self.function(FunctionName)
        self.guard(function, RevisionId)
        sha = b64encode(sha256(ZipFile).digest()).decode()
        name = function.latest["FunctionName"]
        return deepcopy(self.change(name, CodeSha256=sha, Architectures=Architectures))

    def publish_version(
        self,
        FunctionName: str,  # noqa: N803
        Description: str = "",  # noqa: N803
        CodeSha256: str | None = None,  # noqa: N803
        RevisionId: str | None = None,  # noqa: N803
    ) -> Config:
        function = self.function(FunctionName)
        self.guard(function, RevisionId)
        if CodeSha256 not in (None, function.latest["CodeSha256"]):
            raise refused(400, "InvalidParameterValueException", "CodeSHA256 is different")
        return deepcopy(self.publish(function.latest["FunctionName"], Description))

    def list_versions_by_function(self, FunctionName: str, **_: Any) -> Config:  # noqa: N803
        function = self.function(FunctionName)
        return {"Versions": [self.seen(function), *deepcopy(list(function.versions.values()))]}

    def get_alias(self, FunctionName: str, Name: str) -> Config:  # noqa: N803
        aliases = self.function(FunctionName).aliases
        if Name not in aliases:
            raise refused(404, "ResourceNotFoundException", f"Alias not found: {Name}")
        return deepcopy(aliases[Name])

    def update_alias(
        self,
        FunctionName: str,  # noqa: N803
        Name: str,  # noqa: N803
        FunctionVersion: str,  # noqa: N803
        RoutingConfig: Config | None = None,  # noqa: N803
        RevisionId: str | None = None,  # noqa: N803
    ) -> Config:
        function = self.function(FunctionName)
        self.get_alias(FunctionName, Name)
        alias = function.aliases[Name]
        if RevisionId not in (None, alias["RevisionId"]):
            raise refused(412, "PreconditionFailedException", "The Revision Id does not match")
        if FunctionVersion not in function.versions:
            raise refused(404, "ResourceNotFoundException", f"no version {FunctionVersion}")
        alias.update(FunctionVersion=FunctionVersion, RevisionId=self.revision())
        alias["RoutingConfig"] = RoutingConfig or {"AdditionalVersionWeights": {}}
        return deepcopy(alias)

    def delete_function(self, FunctionName: str, Qualifier: str | None = None) -> Config:  # noqa: N803
        function = self.function(FunctionName)
        if Qualifier is None:
            del self.functions[function.latest["FunctionName"]]
            return {}
        if any(alias["FunctionVersion"] == Qualifier for alias in function.aliases.values()):
            raise refused(409, "ResourceConflictException", f"alias points at {Qualifier}")
        if Qualifier not in function.versions:
            raise refused(404, "ResourceNotFoundException", f"no version {Qualifier}")
        del function.versions[Qualifier]
        function.provisioned.pop(Qualifier, None)
        return {}

    def create_function(self, FunctionName: str, Code: Config, **fields: Any) -> Config:  # noqa: N803
        if FunctionName in self.functions:
            raise refused(409, "ResourceConflictException", "Function already exist")
        fields.pop("Tags", None)
        function = self.add(FunctionName, **{**fields, "State": "Pending"})
        begun = function.latest
        sha = b64encode(sha256(Code["ZipFile"]).digest()).decode()
        begun.update(CodeSha256=sha, FunctionArn=PREFIX + FunctionName)
        begun["SnapStart"] = {"ApplyOn": "None", "OptimizationStatus": "Off"}

        def active() -> None:
            if self.functions.get(FunctionName) is function and function.latest is begun:
                done = {**begun, "State": "Active", "RevisionId": self.revision()}
                function.history.append((self.now, done))

        self.at(self.now + self.rng.uniform(*self.takes_s), active)
        return deepcopy(begun)

    def tag_resource(self, Resource: str, Tags: dict[str, str]) -> Config:  # noqa: N803
        function = self._to_tag(Resource)
        function.tags.update(Tags)
        return {}

    def untag_resource(self, Resource: str, TagKeys: list[str]) -> Config:  # noqa: N803
        function = self._to_tag(Resource)
        for key in TagKeys:
            function.tags.pop(key, None)
        return {}

    def _to_tag(self, arn: str) -> Function:
        function = self.function(arn)
        self.guard(function, None)
        if self.tags_move:
            function.history.append((self.now, {**function.latest, "RevisionId": self.revision()}))
        return function

    def list_functions(self, **_: Any) -> Config:
        return {"Functions": [deepcopy(one.latest) for one in self.functions.values()]}

    def get_account_settings(self) -> Config:
        return {"AccountLimit": {"ConcurrentExecutions": 1000}}

    def put_provisioned_concurrency_config(
        self,
        FunctionName: str,  # noqa: N803
        Qualifier: str,  # noqa: N803
        ProvisionedConcurrentExecutions: int,  # noqa: N803
    ) -> Config:
        function = self.function(FunctionName)
        if Qualifier not in function.versions:
            raise refused(404, "ResourceNotFoundException", f"no version {Qualifier}")
        function.provisioned[Qualifier] = ProvisionedConcurrentExecutions
        return {"Status": "IN_PROGRESS"}

    def get_provisioned_concurrency_config(self, FunctionName: str, Qualifier: str) -> Config:  # noqa: N803
        if Qualifier not in self.function(FunctionName).provisioned:
            raise refused(404, "ProvisionedConcurrencyConfigNotFoundException", "none")
        return {"Status": self.rng.choice(("IN_PROGRESS", "READY"))}

    def delete_provisioned_concurrency_config(self, FunctionName: str, Qualifier: str) -> Config:  # noqa: N803
        if self.function(FunctionName).provisioned.pop(Qualifier, None) is None:
            raise refused(404, "ProvisionedConcurrencyConfigNotFoundException", "none")
        return {}

    #: What a botocore client tells of itself.
    meta = SimpleNamespace(
        region_name=REGION,
        endpoint_url=f"https://lambda.{REGION}.amazonaws.com",
        service_model=SimpleNamespace(service_name="lambda"),
    )
