"""What a user asks of a load, as it was written, and what that means.

As ``request.py`` for a sweep: fields bear the names of the command line's options, reading them
raises only UsageError (NotFound for a profile). Profiles and payloads are read, nothing else.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tuner.decide.goal import Slo, parse_slo
from tuner.engine.engine import Mode, Script
from tuner.engine.front import FrontOptions
from tuner.engine.profiles.profile import Profile
from tuner.engine.retry import POLICIES
from tuner.engine.stop_on import StopRule, parse_stop_on
from tuner.engine.worker_pool import Workers
from tuner.errors import UsageError
from tuner.measure.batches import Sending, concurrency_for, fair_share
from tuner.options.front import read_front
from tuner.options.meaning import read_limit
from tuner.options.mode import DRAIN_S, ModeWish, read_mode
from tuner.options.options import SweepOptions
from tuner.options.profile import ProfileAsked, choice, read_profile_wish
from tuner.options.script import read_script
from tuner.options.workers import read_web, read_workers
from tuner.planning.budget import NO_LIMIT, Budget
from tuner.records import Backend, FunctionFacts
from tuner.targets.names import Kind, parse_target
from tuner.units import parse_memory

#: A search for the limit has these objectives unless told others.
LIMIT_SLO = ("throttles<1%", "errors<1%")


@dataclass(frozen=True)
class LoadOptions:
    """The options of a load as written. ``common`` has those that a sweep has, too: the target,
    its region and handler, payloads, the seed, ``slo`` and ``max_cost``."""

    common: SweepOptions
    memory: str | None = None
    rate: str | None = None
    duration: str | None = None
    arrival: str | None = None
    users: int | None = None
    think: str | None = None
    profile_load: str | None = None
    retry: str | None = None
    mode: str | None = None
    drain: str | None = None
    stop_on: tuple[str, ...] = ()
    max_concurrency: int | None = None
    workers: int = 1
    expect_workers: int = 0
    bind: str | None = None
    find_limit: bool = False
    url: str | None = None
    url_auth: str | None = None
    method: str | None = None
    header: tuple[str, ...] = ()
    locustfile: str | None = None
    spawn_rate: str | None = None
    web_ui: bool = False
    web_host: str | None = None
    web_port: int | None = None

    def stored(self) -> dict[str, Any]:
        """The options as a run keeps them; see ``SweepOptions.stored``."""
        own = {name: value for name, value in asdict(self).items() if name != "common"}
        own["header"] = tuple(item.partition(":")[0] for item in self.header)
        own["url"] = self.url and self.url.partition("?")[0]  # a query may hold secrets, too
        kept = {name: value for name, value in own.items() if value not in (None, ())}
        return {**self.common.stored(), **kept}


@dataclass(frozen=True)
class Wish:
    """A load's options, read: everything that does not depend on the function."""

    profile: Profile
    retry: str
    mode: Mode
    slos: tuple[Slo, ...] = ()
    rules: tuple[StopRule, ...] = ()
    limit: Budget = NO_LIMIT
    memory_mb: int | None = None
    most: int | None = None
    event: str | None = None
    workers: Workers = field(default_factory=Workers)
    front: FrontOptions | None = None
    drain_s: float = DRAIN_S
    script: Script | None = None


def read_wish(options: LoadOptions) -> Wish:
    """Read all options; raises UsageError or NotFound."""
    script = _script(options)
    profile = _profile(options, script)
    retry = choice("--retry", options.retry or profile.retry or "none", tuple(POLICIES))
    how = _mode(options, profile)
    common = options.common
    most = options.max_concurrency or profile.max_concurrency
    if most is not None and most < 1:
        raise UsageError(f"--max-concurrency {most}", "is below 1", "Give a positive number.")
    slos = common.slo or profile.slo or (LIMIT_SLO if options.find_limit else ())
    return Wish(
        profile=profile,
        retry=retry,
        mode=how.mode,
        slos=tuple(parse_slo(text) for text in slos),
        rules=tuple(parse_stop_on(text) for text in options.stop_on or profile.stop_on),
        limit=read_limit(common),
        memory_mb=None if options.memory is None else _one_size(options.memory),
        most=most,
        event=profile.event,
        workers=read_workers(options.workers, options.expect_workers, options.bind, _web(options)),
        front=_front(options),
        drain_s=how.drain_s,
        script=script,
    )


def sending(wish: Wish, facts: FunctionFacts, seed: int) -> Sending:
    """How the calls are sent to this function."""
    concurrency = concurrency_for(wish.profile, facts, wish.most)
    return Sending(
        concurrency=concurrency, retry=wish.retry, mode=wish.mode, seed=seed, script=wish.script
    )


def memory_of(wish: Wish, facts: FunctionFacts) -> int:
    """The size to load (MB): as asked, as configured, or the only one recorded."""
    if wish.memory_mb is not None:
        return wish.memory_mb
    if facts.memory_mb is not None:
        return facts.memory_mb
    if len(facts.recorded_mb) == 1:
        return facts.recorded_mb[0]
    listed = ", ".join(map(str, facts.recorded_mb))
    raise UsageError(facts.name, "has several sizes", f"Choose one with --memory: {listed}.")


def too_many(wish: Wish, facts: FunctionFacts) -> str | None:
    """Why a load should be asked about first: it may take other functions' concurrency."""
    share = fair_share(facts)
    if facts.backend is not Backend.AWS or share is None:
        return None
    concurrency = concurrency_for(wish.profile, facts, wish.most)
    if concurrency <= share:
        return None
    return (
        f"Up to {concurrency:,} calls at once are more than half of the account's concurrency "
        f"of {facts.account_concurrency:,}; other functions may be throttled."
    )


def _script(options: LoadOptions) -> Script | None:
    """The user's own locustfile, unless something else that was asked forbids it."""
    given = {
        "--rate": options.rate is not None,
        "--profile-load": options.profile_load is not None,
        "--find-limit": options.find_limit,
        "--think": options.think is not None,
        "--arrival": options.arrival is not None,
        "--mode async": options.mode == Mode.ASYNC,
    }
    return read_script(options.locustfile, options.spawn_rate, given)


def _profile(options: LoadOptions, script: Script | None) -> Profile:
    """When calls are due; objectives and conditions in a profile's file are checked here."""
    users = options.users
    asked = ProfileAsked(
        rate=options.rate,
        duration=options.duration,
        arrival=options.arrival,
        users=1 if script is not None and users is None else users,
        think=options.think,
        profile_load=options.profile_load,
        find_limit=options.find_limit,
    )
    checks: dict[str, Callable[[str], object]] = {
        "slo": lambda text: parse_slo(text, "slo"),
        "stop_on": lambda text: parse_stop_on(text, "stop_on"),
    }
    found = read_profile_wish(asked, checks)
    return found if script is None else replace(found, name="locustfile", about=script.name)


def _front(options: LoadOptions) -> FrontOptions | None:
    """The HTTP front to load instead of the Invoke API; it calls the function as it is."""
    front = read_front(options.url, options.url_auth, options.method, options.header)
    if front is not None and options.memory is not None:
        fix = "Leave it out, or set it with tuner apply first."
        raise UsageError("--memory", "cannot be chosen behind --url", fix)
    return front


def _mode(options: LoadOptions, profile: Profile) -> ModeWish:
    """Whether calls are answered or queued, unless something else that was asked forbids it."""
    given = {
        "replay": parse_target(options.common.target).kind is Kind.REPLAY,
        "--url": options.url is not None,
        "--find-limit": options.find_limit,
        "--max-cost": options.common.max_cost is not None,
    }
    return read_mode(options.mode, options.drain, profile, given)


def _web(options: LoadOptions) -> tuple[str, int] | None:
    """Where Locust's UI is shown, if it is."""
    return read_web(options.web_ui, options.web_host, options.web_port)


def _one_size(text: str) -> int:
    wish = parse_memory(text)
    if len(wish.sizes_mb) != 1:
        raise UsageError(f"--memory {text!r}", "is not one size", "A load has one configuration.")
    return wish.sizes_mb[0]
