"""The one seam between the tuner and whatever it tunes: what a target can be asked to do.

A target knows how to describe a function, how to make one configuration callable without
disturbing the others, and how to put everything back. It never invokes: that is the load
engine's job, which learns from :class:`Endpoint` where to send requests.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tuner.errors import AccessDenied, ChangedUnderneath, TargetError
from tuner.recording.reportline import Report
from tuner.records import FunctionFacts, Setting
from tuner.targets.event_trail import EventTrail
from tuner.targets.startup import Startup
from tuner.targets.witness import Witness


@dataclass(frozen=True)
class Credentials:
    """What a request is signed with. Never printed, logged or stored."""

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        return "Credentials(...)"


@dataclass(frozen=True)
class Endpoint:
    """Where and how invocations are sent.

    ``url`` is scheme, host and port of the Invoke API; ``function`` is the name or ARN in its
    path. ``credentials`` is called again whenever a batch starts, so that they may be refreshed.
    """

    url: str
    region: str
    function: str
    credentials: Callable[[], Credentials]
    verify_tls: bool | str = True


@dataclass(frozen=True)
class Variant:
    """One configuration that can be invoked now: a memory size behind a qualifier.

    ``function`` is another function beside the endpoint's own (``None``), in the same region:
    what is compared is called in one batch.
    """

    memory_mb: int
    arch: str
    qualifier: str | None
    function: str | None = None


@dataclass(frozen=True)
class Code:
    """A deployment package, and how it is run where that is not as the function's own."""

    zip_bytes: bytes
    label: str  # a few letters for the name of the function that is made of it
    handler: str | None = None
    runtime: str | None = None


#: What makes one thing that can be invoked differ from another: a size, or a Setting.
K = TypeVar("K", int, Setting)


class Reporting(Protocol):
    """Whoever can look reports up."""

    def reports(self, request_ids: Sequence[str]) -> Mapping[str, Report]:
        """REPORT of requests whose answer lacked it, by id, as far as it can be found."""
        ...


class Maker(Reporting, Protocol[K]):
    """The part of a target that a measurement needs: what is asked for by ``K`` becomes callable.

    A :class:`Target` is one for sizes (MB). See there.
    """

    one_at_a_time: bool

    def prepare_many(
        self, wanted: Iterable[K], /, *, fresh: bool = False
    ) -> Mapping[K, "Variant | TargetError"]:
        """Make all of these callable; a reason in place of a variant where that fails."""
        ...

    def endpoint(self) -> Endpoint | None:
        """Where to invoke; ``None`` for a recording."""
        ...


class Target(Protocol):
    """What the flow asks of a function under test.

    Every method may raise :class:`tuner.errors.TargetError`. ``prepare`` and ``recycle`` may
    change the function; ``restore`` puts it back exactly and may be called any number of times.
    ``one_at_a_time``: making a size callable ends the one before it.
    """

    one_at_a_time: bool = False

    def describe(self) -> FunctionFacts:
        """Read what is known about the function; changes nothing."""
        ...

    def prepare(self, memory_mb: int) -> Variant:
        """Make this size callable (MB). Asking again for a size that is ready is free."""
        ...

    def prepare_many(
        self, sizes_mb: Iterable[int], *, fresh: bool = False
    ) -> Mapping[int, "Variant | TargetError"]:
        """:meth:`prepare` (or with ``fresh`` :meth:`recycle`) for several sizes at once, which
        may be much cheaper. A size that fails has its reason in place of a variant; what
        concerns the whole function (no rights, changed underneath) is raised."""
        one = self.recycle if fresh else self.prepare
        made: dict[int, Variant | TargetError] = {}
        for memory_mb in sizes_mb:
            try:
                made[memory_mb] = one(memory_mb)
            except (AccessDenied, ChangedUnderneath):
                raise
            except TargetError as error:
                made[memory_mb] = error
        return made

    def recycle(self, memory_mb: int) -> Variant:
        """Make this size callable with no warm sandbox: the next calls to it start cold."""
        ...

    def check_startups(self, startups: Sequence[Startup]) -> None:
        """Raise TargetError, with the reason, if calls cannot be started in these ways; changes
        nothing."""
        raise TargetError("--variants", "needs a function, which is invoked", "Leave it out.")

    def start_as(
        self, startup: Startup, memory_mb: int, stop: Callable[[], bool]
    ) -> "tuple[Variant, float]":
        """Make a size callable whose sandboxes start in another way than on demand; and the
        seconds from asking until it could be called. ``stop`` is asked while that takes long."""
        raise TargetError("--variants", "needs a function, which is invoked", "Leave it out.")

    def stop_paying(self, variant: Variant) -> None:
        """Give up what a variant of :meth:`start_as` costs by the hour; it stays callable."""
        raise TargetError("--variants", "needs a function, which is invoked", "Leave it out.")

    def endpoint(self) -> Endpoint | None:
        """Where to invoke; ``None`` for a recording, which answers by itself."""
        ...

    def reports(self, request_ids: Sequence[str]) -> Mapping[str, Report]:
        """REPORT of requests whose answer lacked it, by id, as far as it can be found."""
        return {}

    def events(self, variant: Variant) -> EventTrail | None:
        """Where what becomes of asynchronous events of a variant can be read; ``None``: nowhere.

        Fails at once if that is not allowed, before anything is sent.
        """
        return None

    def beside(self, code: Code) -> "Target":
        """Another function that is configured alike but runs other code, in the same region.

        What it makes is removed by its own :meth:`restore`; close it before this target.
        """
        raise TargetError(self.describe().name, "has no code that could be replaced")

    def published(self, qualifier: str) -> Variant:
        """An existing version or alias as it is, to be called directly."""
        raise TargetError(self.describe().name, f"has no version or alias {qualifier}")

    def witness(self) -> Witness | None:
        """Who else counted the invocations, to be asked when they are over; ``None``: nobody."""
        return None

    def restore(self) -> None:
        """Put the function back as it was, and remove what was made for the measurement."""
        ...

    def close(self) -> None:
        """Let go of connections and processes; does not restore."""
        ...


#: What a target reports while it works, in one short sentence (for the progress display).
Progress = Callable[[str], None]

#: Tags on everything that a target creates, so that leftovers can be told from the user's own.
OWNED_BY: Mapping[str, str] = {"created-by": "tuner"}
