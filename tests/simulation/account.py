"""A service with one function, for cases where other hands come in at a chosen moment."""

from random import Random
from typing import Any

from simulation.service import Service
from simulation.state import REGION, Config
from tuner.aws.control import ControlPlane
from tuner.aws.session import AwsSession
from tuner.clock import VirtualClock

NAME = "orders"


class Account(Service):
    """A service with one function and an alias, where something may happen after a publication."""

    def __init__(self, code_url: str) -> None:
        super().__init__(VirtualClock(), Random(1), code_url)
        self.published: Any = lambda: None
        self.stale: Config | None = None  # what is read until a change is refused for it
        first = self.add(NAME) and self.publish(NAME, "first")
        alias = {"Name": "live", "FunctionVersion": first["Version"], "RevisionId": "alias-1"}
        self.functions[NAME].aliases["live"] = alias

    def close(self) -> None: ...

    def get_function(self, **parameters: Any) -> Config:
        self.catch_up()
        found = super().get_function(**parameters)
        return found if self.stale is None else {**found, "Configuration": self.stale}

    def update_function_configuration(self, **parameters: Any) -> Config:
        self.stale = None
        self.catch_up()
        return super().update_function_configuration(**parameters)

    def publish_version(self, **parameters: Any) -> Config:
        made = super().publish_version(**parameters)
        self.published()
        return made

    def untag_resource(self, **parameters: Any) -> Config:
        self.catch_up()
        return super().untag_resource(**parameters)

    def control(self) -> ControlPlane:
        session = AwsSession(None, self, REGION, self.meta.endpoint_url, True)
        return ControlPlane(session, self.clock, Random(1))

    def latest(self) -> Config:
        self.clock.advance(10.0)
        self.catch_up()
        return self.functions[NAME].latest

    def point(self, version: str) -> None:
        alias = self.functions[NAME].aliases["live"]
        alias.update(FunctionVersion=version, RevisionId=self.revision())
