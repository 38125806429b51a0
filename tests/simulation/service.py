"""Lambda's API to the state: guarded changes, reads that may be old, refusals.

A second change while one is in progress is a 409, an unexpected RevisionId a 412. Nothing here
fails by itself; see ``chaos.py``.
"""

from base64 import b64encode
from copy import deepcopy
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from simulation.state import LATEST, PREFIX, REGION, Config, Function, State


def refused(status: int, code: str, said: str) -> ClientError:
    answer = {
        "Error": {"Code": code, "Message": said},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "simulated")


class Service(State):
    """What a botocore client for Lambda answers."""

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
        if any(Qualifier in _pointed_at(alias) for alias in function.aliases.values()):
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
        self.activate(FunctionName, function)
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
        status = self.rng.choice(("IN_PROGRESS", "READY") * 5 + ("FAILED",))
        return {"Status": status, "StatusReason": "FUNCTION_ERROR_INIT_FAILURE"}

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


def _pointed_at(alias: Config) -> set[str]:
    """The versions that an alias sends traffic to."""
    return {
        alias["FunctionVersion"],
        *(alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights", {}),
    }
