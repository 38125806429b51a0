"""What may go wrong with a call: refusals, lost answers, answers that drip, outages, ends.

:class:`Chaos` stands where a botocore client stands, one of each tuner. A request that is lost may
still be acted on, at once or a minute later; crashes and Ctrl-C come at steps (a call or a wait).
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from simulation.plan import Plan
from simulation.service import Service, refused
from simulation.state import Config
from simulation.turns import Turns
from tuner.aws.calls import Patience

_READS = ("get_", "list_")


class Crash(BaseException):
    """``kill -9``: nothing runs after it."""


@dataclass
class Steps:
    """Counts steps of one process, and ends it at some of them."""

    crash_at: int | None
    interrupts_at: tuple[int, ...]
    at_crash: Callable[[], None]
    count: int = 0
    dead: bool = False

    def step(self) -> None:
        if self.dead:
            raise Crash
        self.count += 1
        if self.count == self.crash_at:
            self.dead = True
            self.at_crash()
            raise Crash
        if self.count in self.interrupts_at:
            raise KeyboardInterrupt


@dataclass
class Process:
    """One tuner's clock: each wait is a step, and what is due meanwhile happens."""

    turns: Turns
    who: int
    steps: Steps

    def monotonic(self) -> float:
        return self.turns.clock.monotonic()

    def wall(self) -> float:
        return self.turns.clock.wall()

    def sleep(self, seconds: float) -> None:
        self.steps.step()
        self.turns.wait(self.who, seconds)


@dataclass
class Chaos:
    """A client that fails as planned until it is calm."""

    service: Service
    plan: Plan
    rng: Random
    process: Process
    log: list[str]
    calm: bool = False
    calls: int = field(default=0, init=False)

    @property
    def meta(self) -> Any:
        return self.service.meta

    def close(self) -> None: ...

    def __getattr__(self, operation: str) -> Callable[..., Config]:
        act = getattr(self.service, operation)
        return lambda **parameters: self._send(operation, act, parameters)

    def _send(self, operation: str, act: Callable[..., Config], parameters: Config) -> Config:
        self.process.steps.step()
        self.calls += 1
        self.process.turns.wait(self.process.who, 0.02)
        try:
            answer = act(**parameters) if self.calm else self._tried(operation, act, parameters)
        except Exception as error:
            self._note(operation, parameters, f"{type(error).__name__} {error}"[:90])
            raise
        self._note(operation, parameters, "ok")
        return answer

    def _note(self, operation: str, parameters: Config, ended: str) -> None:
        shown = {
            k: v
            for k, v in parameters.items()
            if k in ("MemorySize", "Qualifier", "Description", "RevisionId")
        }
        moment = f"{self.service.now:9.2f}"
        self.log.append(f"{moment} {self.process.who} {operation} {shown} {ended}")

    def _tried(self, operation: str, act: Callable[..., Config], parameters: Config) -> Config:
        plan, rng = self.plan, self.rng
        self._refuse(operation)
        if self._lasts(plan.masked) and not operation.startswith(_READS):
            with suppress(ClientError):
                act(**parameters)
            raise refused(500, "ServiceException", "an internal error")
        if rng.random() < plan.throttled:
            raise refused(429, "TooManyRequestsException", "Rate exceeded")
        if rng.random() < plan.broken:
            if rng.random() < 0.5:
                act(**parameters)
            raise refused(500, "ServiceException", "an internal error")
        if rng.random() < plan.lost:
            self._land(operation, act, parameters)
            if rng.random() < 0.5:
                raise ConnectionClosedError(endpoint_url=self.meta.endpoint_url)
            raise ReadTimeoutError(endpoint_url=self.meta.endpoint_url)
        answer = act(**parameters)
        if plan.doubled and rng.random() < plan.doubled:
            answer = act(**parameters)
        if rng.random() < plan.drips:
            self.process.turns.wait(self.process.who, Patience.answer_s)
            raise ReadTimeoutError(endpoint_url=self.meta.endpoint_url)
        if rng.random() < plan.half:
            if rng.random() < 0.5:
                raise ResponseParserError("Unable to parse response: it is cut off")
            return {}
        return answer

    def _lasts(self, span: tuple[float, float] | None) -> bool:
        return span is not None and span[0] <= self.service.now < span[1]

    def _refuse(self, operation: str) -> None:
        """Raise what lasts for a while."""
        plan, now = self.plan, self.service.now
        if self._lasts(plan.outage):
            raise EndpointConnectionError(endpoint_url=self.meta.endpoint_url)
        if plan.locked_out_s is not None and now >= plan.locked_out_s:
            raise refused(403, "ExpiredTokenException", "The security token is expired")
        if plan.untaggable and operation == "tag_resource":
            raise refused(403, "AccessDeniedException", "no lambda:TagResource")
        if plan.refusal is not None:
            begins, ends, (of, status, code, said) = plan.refusal
            if operation == of and begins <= now < ends:
                raise refused(status, code, said)

    def _land(self, operation: str, act: Callable[..., Config], parameters: Config) -> None:
        """A request whose answer is lost: never, at once, or late."""
        how = self.rng.random()

        def late() -> None:
            try:
                act(**parameters)
            except Exception as error:
                self.log.append(f"{self.service.now:9.2f} late {operation}: {error}"[:110])
            else:
                self.log.append(f"{self.service.now:9.2f} late {operation} {parameters}"[:160])

        if how < 0.3 or operation.startswith(_READS):
            return
        if how < 0.6 or not self.plan.late_s:
            late()
        else:
            self.service.at(self.service.now + self.rng.uniform(0.0, self.plan.late_s), late)
