"""What may go wrong with a call, or beside it, by a seed: refusals, lost answers, other hands.

:class:`Chaos` stands where a botocore client stands. A request that is lost may still be acted on,
at once or a minute later; outages last from seconds to minutes; crashes and Ctrl-C come at steps
(a call or a wait each); other hands write one field, publish, delete or deploy anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from simulation.service import Config, Service, refused
from tuner.clock import VirtualClock

NAME = "orders"
#: Memory sizes that the simulated measurement asks for; other hands set others.
SIZES = (128, 512, 1024, 1769)
THEIRS = (333, 777, 2048)
_READS = ("get_", "list_")


class Crash(BaseException):
    """``kill -9``: nothing runs after it."""


@dataclass(frozen=True)
class Plan:
    """What a seed makes of a run. Rates are shares of calls; times seconds of the clock."""

    way: str
    sizes: tuple[int, ...]
    lag_s: float = 0.0
    takes_s: tuple[float, float] = (0.2, 2.0)
    fails: float = 0.0
    throttled: float = 0.0
    broken: float = 0.0
    lost: float = 0.0
    late_s: float = 0.0
    half: float = 0.0
    outage: tuple[float, float] | None = None
    locked_out_s: float | None = None
    hands: tuple[tuple[float, str], ...] = ()
    crash_at: int | None = None
    interrupts_at: tuple[int, ...] = ()
    tags_move: bool = False  # putting a tag moves the RevisionId
    untaggable: bool = False
    disk_lost: bool = False  # what the run has kept in its directory is gone when it has ended

    def told(self) -> str:
        """The plan in a line, without what is quiet."""
        quiet = Plan(self.way, self.sizes)
        odd = {k: v for k, v in vars(self).items() if v != getattr(quiet, k)}
        return f"{self.way} {self.sizes} {odd}"


WAYS = ("versions", "in-place", "clone", "starts", "architectures", "apply", "apply-arch")
HANDS = (
    *("memory", "description", "timeout", "environment", "code", "publish", "alias"),
    *("delete", "redeploy", "memory+description"),
)


def plan_of(seed: int) -> Plan:
    """Draw what goes wrong; about one in ten runs meets nothing at all."""
    rng = Random(seed)
    way = rng.choice(WAYS)
    sizes = tuple(rng.sample(SIZES, rng.randint(1, 3)))

    def some(share: float, make: Callable[[], Any], otherwise: Any) -> Any:
        return make() if rng.random() < share else otherwise

    begins = rng.uniform(0.0, 30.0)
    return Plan(
        way,
        sizes,
        lag_s=some(0.4, lambda: rng.choice((1.0, 5.0, 30.0, 60.0)), 0.0),
        takes_s=some(0.2, lambda: (1.0, rng.choice((5.0, 60.0))), (0.2, 2.0)),
        fails=some(0.1, lambda: 0.3, 0.0),
        throttled=some(0.3, lambda: rng.uniform(0.0, 0.5), 0.0),
        broken=some(0.3, lambda: rng.uniform(0.0, 0.3), 0.0),
        lost=some(0.3, lambda: rng.uniform(0.0, 0.3), 0.0),
        late_s=some(0.3, lambda: rng.uniform(0.0, 60.0), 0.0),
        half=some(0.1, lambda: 0.1, 0.0),
        outage=some(0.2, lambda: (begins, begins + rng.choice((3.0, 30.0, 600.0))), None),
        locked_out_s=some(0.05, lambda: rng.uniform(0.0, 30.0), None),
        hands=tuple(
            sorted(
                (rng.uniform(0.0, 60.0), rng.choice(HANDS))
                for _ in range(some(0.5, lambda: rng.randint(1, 3), 0))
            )
        ),
        crash_at=some(0.3, lambda: rng.randint(1, 80), None),
        interrupts_at=tuple(
            sorted(rng.sample(range(1, 90), some(0.2, lambda: rng.randint(1, 3), 0)))
        ),
        tags_move=rng.random() < 0.3,
        untaggable=rng.random() < 0.1,
        disk_lost=rng.random() < 0.2,
    )


@dataclass
class Steps:
    """Counts steps, and ends the run at some of them."""

    plan: Plan
    at_crash: Callable[[], None]
    count: int = 0
    dead: bool = False

    def step(self) -> None:
        if self.dead:
            raise Crash
        self.count += 1
        if self.count == self.plan.crash_at:
            self.dead = True
            self.at_crash()
            raise Crash
        if self.count in self.plan.interrupts_at:
            raise KeyboardInterrupt


class StepClock(VirtualClock):
    """Each wait is a step, and what is due meanwhile happens."""

    def __init__(self) -> None:
        super().__init__()
        self.on_step: Callable[[], None] = lambda: None
        self.on_time: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.on_step()
        super().sleep(seconds)
        self.on_time()


@dataclass
class Chaos:
    """A client that fails as planned until it is calm."""

    service: Service
    plan: Plan
    rng: Random
    on_step: Callable[[], None]
    calm: bool = False
    calls: int = 0
    log: list[str] = field(default_factory=list)

    @property
    def meta(self) -> Any:
        return self.service.meta

    def close(self) -> None: ...

    def __getattr__(self, operation: str) -> Callable[..., Config]:
        act = getattr(self.service, operation)
        return lambda **parameters: self._send(operation, act, parameters)

    def _send(self, operation: str, act: Callable[..., Config], parameters: Config) -> Config:
        self.on_step()
        self.calls += 1
        service = self.service
        service.clock.advance(0.02)
        service.catch_up()
        try:
            answer = act(**parameters) if self.calm else self._tried(operation, act, parameters)
        except Exception as error:
            self._note(operation, parameters, f"{type(error).__name__} {error}"[:90])
            raise
        self._note(operation, parameters, "ok")
        return answer

    def _note(self, operation: str, parameters: Config, ended: str) -> None:
        shown = {k: v for k, v in parameters.items() if k in ("MemorySize", "Qualifier")}
        self.log.append(f"{self.service.now:9.2f} {operation} {shown} {ended}")

    def _tried(self, operation: str, act: Callable[..., Config], parameters: Config) -> Config:
        plan, rng, now = self.plan, self.rng, self.service.now
        url = self.service.meta.endpoint_url
        if plan.outage is not None and plan.outage[0] <= now < plan.outage[1]:
            raise EndpointConnectionError(endpoint_url=url)
        if plan.locked_out_s is not None and now >= plan.locked_out_s:
            raise refused(403, "ExpiredTokenException", "The security token is expired")
        if plan.untaggable and operation == "tag_resource":
            raise refused(403, "AccessDeniedException", "no lambda:TagResource")
        if rng.random() < plan.throttled:
            raise refused(429, "TooManyRequestsException", "Rate exceeded")
        if rng.random() < plan.broken:
            if rng.random() < 0.5:
                act(**parameters)
            raise refused(500, "ServiceException", "an internal error")
        if rng.random() < plan.lost:
            self._land(operation, act, parameters)
            if rng.random() < 0.5:
                raise ConnectionClosedError(endpoint_url=url)
            raise ReadTimeoutError(endpoint_url=url)
        answer = act(**parameters)
        return {} if rng.random() < plan.half else answer

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
