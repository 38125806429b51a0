"""The one seam between the tuner and whatever it tunes.

A target describes a function, makes settings of it callable without disturbing one another, and
restores everything. It never invokes: that is the load engine's job, which learns from
:class:`Endpoint` where to send requests.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

from tuner.clock import never
from tuner.errors import AccessDenied, ChangedUnderneath, TargetError
from tuner.recording.reportline import Report
from tuner.records import ON_DEMAND, Advice, FunctionFacts, Part, Setting
from tuner.targets.observers import EventTrail, ServiceMetrics

if TYPE_CHECKING:
    from tuner.recording import Recording


@dataclass(frozen=True)
class Credentials:
    """Keys that requests are signed with. Never printed, logged or stored."""

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        return "Credentials(...)"


@dataclass(frozen=True)
class Endpoint:
    """An address for invocations, and how to sign them.

    ``url`` is scheme, host and port of the Invoke API; ``function`` is the name or ARN in its
    path. ``credentials`` is called again whenever a batch starts, so that they may be refreshed.
    ``narrowed`` gives in their place some that may only invoke this function, for other machines;
    it raises TargetError where there are none. ``None``: nobody checks credentials here.
    """

    url: str
    region: str
    function: str
    credentials: Callable[[], Credentials]
    verify_tls: bool | str = True
    narrowed: Callable[[], Callable[[], Credentials]] | None = None


@dataclass(frozen=True)
class Variant:
    """A setting that can be invoked now, behind a qualifier.

    ``function`` is another function beside the endpoint's own (``None``), in the same region:
    what is compared is called in one batch.
    """

    setting: Setting
    qualifier: str | None
    function: str | None = None

    @property
    def memory_mb(self) -> int:
        """The size that is called."""
        return self.setting.memory_mb

    @property
    def arch(self) -> str:
        """The architecture that is called."""
        return self.setting.arch


@dataclass(frozen=True)
class Code:
    """A deployment package, and how it is run where that is not as the function's own."""

    zip_bytes: bytes
    label: str  # a few letters for the name of the function that is made of it
    handler: str | None = None
    runtime: str | None = None


class Level(StrEnum):
    """Weight of a finding."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One question answered; everything but ``ok`` says what to do."""

    name: str
    level: Level
    text: str
    fix: str = ""


#: Settings that were made callable; a reason in place of a variant where that failed.
Prepared = Mapping[Setting, "Variant | TargetError"]


class Target(Protocol):
    """A function under test, as an experiment uses it.

    Every method may raise :class:`tuner.errors.TargetError`. ``prepare`` may change the function;
    ``restore`` puts it back exactly and may be called any number of times. ``one_at_a_time``:
    making a setting callable ends the one before it. ``notes`` are what a reader has to know.
    ``run`` is the id under which what it changes is journalled and marked, so that the run in the
    store has the same; ``None`` where nothing is, or several functions are changed.
    """

    run: str | None = None

    one_at_a_time: bool = False
    notes: tuple[Advice, ...] = ()

    def describe(self) -> FunctionFacts:
        """Read what is known about the function; changes nothing."""
        ...

    def parts(self) -> "Mapping[Part, Target]":
        """Its separately deployed parts: only itself, unless it is made of several."""
        return {Part(self.describe().arch): self}

    def check_up(self) -> Iterator[Finding]:
        """Check what stands in the way of measuring it, question by question; changes nothing."""
        return iter(())

    def check(self, settings: Iterable[Setting]) -> None:
        """Raise TargetError, with the reason, if one of these is not possible; changes nothing."""
        for setting in settings:
            if setting.start != ON_DEMAND:
                reason = "needs a function that can be invoked"
                raise TargetError("--variants", reason, "Leave it out.")

    def prepare(
        self, settings: Iterable[Setting], *, fresh: bool = False, stop: Callable[[], bool] = never
    ) -> Prepared:
        """Make all of these callable. Asking again for one that is ready is free, and with
        ``fresh`` makes it anew: without a warm sandbox, so the next calls start cold.

        ``load`` makes no difference to what is made. One that fails has its reason in place of a
        variant; what concerns the whole function (no rights, changed underneath) is raised.
        ``stop`` is asked while something takes minutes.
        """
        ...

    def release(self, variant: Variant) -> None:
        """Give up what a variant costs by the hour; it stays callable."""
        return

    def endpoint(self) -> Endpoint | None:
        """Return where to invoke; ``None`` for a recording, which answers by itself."""
        ...

    def recordings(self) -> "Mapping[Part, Recording]":
        """Return the recordings that answer where there is no endpoint."""
        return {}

    def reports(self, request_ids: Sequence[str]) -> Mapping[str, Report]:
        """REPORT of requests whose answer lacked it, by id, as far as it can be found."""
        return {}

    def events(self, variant: Variant) -> EventTrail | None:
        """Return the log in which events of a variant can be followed, if there is one.

        Fails at once if that is not allowed, before anything is sent.
        """
        return None

    def beside(self, code: Code) -> "Target":
        """Another function that is configured alike but runs other code, in the same region.

        What it makes is removed by its own :meth:`restore`; close it before this target.
        """
        raise TargetError(self.describe().name, "cannot run other code")

    def published(self, qualifier: str) -> Variant:
        """An existing version or alias as it is, to be called directly."""
        raise TargetError(self.describe().name, f"has no version or alias {qualifier}")

    def metrics(self) -> ServiceMetrics | None:
        """Return the platform's own counts, to be read after the run; ``None`` without any."""
        return None

    def doubts(self) -> tuple[Advice, ...]:
        """Return what only the target knows against what was measured since it was made."""
        return ()

    def altered(self) -> tuple[Advice, ...]:
        """Return what somebody else has changed during the run of what was measured as it is."""
        return ()

    def restore(self) -> None:
        """Put the function back as it was, and remove what was made for the measurement."""
        ...

    def close(self) -> None:
        """Let go of connections and processes; does not restore."""
        ...


def one_variant(
    target: Target,
    setting: Setting,
    *,
    fresh: bool = False,
    stop: Callable[[], bool] = never,
) -> Variant:
    """Make one setting callable. Raises TargetError if it cannot be."""
    made = target.prepare([setting], fresh=fresh, stop=stop)[setting]
    if isinstance(made, TargetError):
        raise made
    return made


_Made = TypeVar("_Made")


def tried(make: Callable[[], _Made]) -> _Made | TargetError:
    """Make something, or return why it cannot be made; what concerns the whole function (no
    rights, changed underneath) is raised."""
    try:
        return make()
    except (AccessDenied, ChangedUnderneath):
        raise
    except TargetError as error:
        return error


#: What a target reports while it works, in one short sentence (for the progress display).
Progress = Callable[[str], None]

#: Tags on everything that a target creates, so that leftovers can be told from the user's own.
OWNED_BY: Mapping[str, str] = {"created-by": "tuner"}
