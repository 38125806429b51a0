"""A load's options, combined before the function is known: a profile, and how calls are sent.

Options come before what a profile suggests. What does not go together is refused here, each with
its reason: raises only UsageError. Reads the profile's file and the locustfile, nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tuner.decide.goal import ALL_AS_EXPECTED, Slo, SloScope, parse_slo
from tuner.engine.batches import Sending, concurrency_for, fair_share
from tuner.engine.engine import Mode, Script
from tuner.engine.expect import Expectation
from tuner.engine.profiles.pace import Constant
from tuner.engine.profiles.profile import MODES, Phase, Profile
from tuner.engine.profiles.profile_file import load_profile
from tuner.engine.profiles.values import HIGHEST_PER_S
from tuner.engine.request import BODILESS, FrontOptions
from tuner.engine.stop_on import StopRule, parse_stop_on
from tuner.engine.worker_pool import Workers
from tuner.engine.worker_process import open_files
from tuner.errors import UsageError
from tuner.options.calls import GLANCE_S
from tuner.options.load_options import LoadOptions
from tuner.options.readers import choice
from tuner.options.sending import read_front, read_script, read_workers
from tuner.planning.budget import NO_LIMIT, Budget
from tuner.records import Backend, FunctionFacts
from tuner.targets.choices import DEFAULT, Isolation
from tuner.targets.names import Kind
from tuner.units import format_rate, format_seconds

#: A search for the limit has these objectives unless others are given, and tries each rate so long.
LIMIT_SLO = ("throttles<1%", "errors<1%")
STEP_S = 10.0
#: How long a load lasts unless ``--duration`` or a profile says otherwise.
DURATION_S = 30.0
#: A LoadTestShape ends by itself, or after this.
_SHAPE_MOST_S = 86_400.0
#: Events are followed for so long after the load at most, unless ``--drain`` says otherwise: a
#: failing event is tried three times within about three and a half minutes.
DRAIN_S = 300.0
#: Files that a process has open beside its connections: about 30 when it begins, so that this is
#: ample.
OWN_FILES = 64
#: Lambda keeps an event no longer than six hours.
_LONGEST_S = 21_600.0


@dataclass(frozen=True)
class LoadSpec:
    """A load, as far as it does not depend on the function."""

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
    copied: bool = False  # a temporary copy is loaded, not the function
    qualifier: str | None = None  # called as it is, unless another memory size is asked for
    find_limit: bool = False  # the profile is the first step of a search
    expect: tuple[Expectation, ...] = ()
    order: str = "random"
    patience_s: float | None = GLANCE_S  # for CloudWatch's figures; None: they are not asked for

    def __str__(self) -> str:
        """The load in a few words, for the progress display."""
        profile = self.profile
        lasts = format_seconds(profile.duration_s)
        if profile.shaped:
            return f"calls of users as the LoadTestShape of {profile.about} says"
        if profile.users:
            return f"calls of {profile.users:,} users for {lasts}"
        named = "" if profile.name == "rate" else f"{profile.name}: "
        peak = format_rate(profile.peak_per_s)
        calls = f"{profile.calls or 0:,.0f}"
        calls = {"0": "about 1 call", "1": "1 call"}.get(calls, f"{calls} calls")
        return f"{named}{calls} in {lasts}, at most {peak}"

    def check_files(self) -> None:
        """Refuse more calls at once than a process of this machine may have connections; raises
        UsageError.
        """
        calls, workers = self.profile.users or self.most, self.workers
        if not calls or not workers.local:
            return
        wanted = -(-min(calls, self.most or calls) // (workers.local + workers.expect)) + OWN_FILES
        if (allowed := open_files(wanted)) < wanted:
            flag = "--users" if self.profile.users else "--max-concurrency"
            reason = f"takes {wanted:,} open files in each process, and {allowed:,} are allowed"
            fix = f"Run `ulimit -n {wanted}` first, or use more --workers."
            raise UsageError(f"{flag} {calls:,}", reason, fix)

    @property
    def bare(self) -> bool:
        """True if requests have no body unless the user gives a payload."""
        return self.front is not None and self.front.request.method in BODILESS

    def sending(self, facts: FunctionFacts, seed: int) -> Sending:
        """How the calls are sent to this function."""
        return Sending(
            concurrency=concurrency_for(self.profile, facts, self.most),
            retry=self.retry,
            mode=self.mode,
            seed=seed,
            script=self.script,
            expect=tuple(each.text for each in self.expect),
            order=self.order,
        )

    def check_rows(self, payloads: int) -> None:
        """Refuse an open load of more calls than there are payloads, each of which is sent once."""
        calls = 0 if self.profile.users else round(self.profile.calls or 0)
        if self.order == "unique" and calls > payloads:
            fix = "Give more rows, a shorter --duration, or --payload-order sequential."
            reason = f"{payloads:,} payloads are too few for {calls:,} calls"
            raise UsageError("--payload-order unique", reason, fix)

    def memory_of(self, facts: FunctionFacts) -> int:
        """The size to load (MB): as asked, as configured, or the only one recorded."""
        if self.memory_mb is not None:
            return self.memory_mb
        if facts.memory_mb is not None:
            return facts.memory_mb
        if len(facts.recorded_mb) == 1:
            return facts.recorded_mb[0]
        listed = ", ".join(map(str, facts.recorded_mb))
        raise UsageError(facts.name, "has several sizes", f"Choose one with --memory: {listed}.")

    def too_many(self, facts: FunctionFacts) -> str | None:
        """Say why to ask before the load begins: it may take other functions' concurrency."""
        share = fair_share(facts)
        if facts.backend is not Backend.AWS or share is None:
            return None
        most = concurrency_for(self.profile, facts, self.most)
        if most <= share:
            return None
        return (
            f"Up to {most:,} calls at once are more than half of the account's concurrency "
            f"of {facts.account_concurrency:,}; other functions may be throttled."
        )


def load_spec(options: LoadOptions) -> LoadSpec:
    """Combine the options; raises UsageError."""
    script = read_script(options)
    profile = _profile(options, script)
    mode, drain_s = _mode(options, profile)
    slos = options.slo or tuple(
        map(parse_slo, profile.slo or (LIMIT_SLO if options.find_limit else ()))
    )
    front = _front(options)
    return LoadSpec(
        profile=profile,
        retry=options.retry or profile.retry or "none",
        mode=mode,
        slos=_judging(options, slos, mode),
        expect=options.expect,
        rules=options.stop_on or tuple(map(parse_stop_on, profile.stop_on)),
        limit=options.limit,
        memory_mb=options.memory,
        most=options.max_concurrency or profile.max_concurrency,
        event=profile.event,
        workers=read_workers(options),
        front=front,
        drain_s=drain_s,
        script=script,
        copied=options.isolation is Isolation.CLONE,
        qualifier=options.name.qualifier,
        find_limit=options.find_limit,
        order=_order(options),
        patience_s=None if front else options.patience_s,
    )


def _order(options: LoadOptions) -> str:
    """The order of payloads; users of a locustfile choose theirs, and a search has no end."""
    order = options.payload_order
    other = "--locustfile" if options.locustfile else "--find-limit" if options.find_limit else ""
    if other and order != "random" and not (order == "sequential" and other == "--find-limit"):
        raise UsageError(f"--payload-order {order}", f"cannot go with {other}", "Leave one out.")
    return order


def _judging(options: LoadOptions, slos: tuple[Slo, ...], mode: Mode) -> tuple[Slo, ...]:
    """The objectives, with one on answers that are not as expected unless there is one."""
    expected = bool(options.expect)
    if expected and options.name.kind is Kind.REPLAY:
        fix = "Load a function: demo:io, local:PATH, NAME."
        raise UsageError("--expect", "a recording has no answers", fix)
    if expected and mode is not Mode.SYNC:
        raise UsageError("--expect", "events have no answers", "Leave it or --mode async out.")
    about = {slo.scope for slo in slos}
    judged = expected or options.post is not None or options.locustfile is not None
    if SloScope.CHECKS in about and not judged:
        fix = "Give --expect 'status<500', or --post or --locustfile that fail calls."
        raise UsageError("--slo checks", "has no checks to be about", fix)
    if expected and not about & {SloScope.CHECKS, SloScope.ERRORS}:
        return (*slos, ALL_AS_EXPECTED)
    return slos


# When calls are due.


def _profile(options: LoadOptions, script: Script | None) -> Profile:
    if options.rate is not None and options.rate > HIGHEST_PER_S:
        rate, fix = format_rate(options.rate), "Write it like 500 or 500rps."
        raise UsageError(f"--rate {rate}", f"is above {HIGHEST_PER_S:,.0f}/s", fix)
    if options.find_limit:
        return _search(options)
    if script is not None:
        most_s = _SHAPE_MOST_S if script.shaped else DURATION_S
        users = options.but(users=options.users or 1, duration=options.duration or most_s)
        return replace(_closed(users), name="locustfile", about=script.name, shaped=script.shaped)
    return _named(options)(options)


def _named(options: LoadOptions) -> Callable[[LoadOptions], Profile]:
    """The one way in which calls are said to be due."""
    ways = {
        "--users": (options.users is not None, _closed),
        "--profile-load": (options.profile_load is not None, _from_file),
        "--rate": (options.rate is not None and options.profile_load is None, _open),
    }
    named = [name for name, (given, _) in ways.items() if given]
    if len(named) != 1:
        reason = f"cannot have {' and '.join(named)}" if named else "needs to know what to send"
        fix = "Give --rate 50 (open model), --users 20 (closed) or --profile-load steady."
        raise UsageError("load", reason, fix)
    if options.think is not None and options.users is None:
        raise UsageError("--think", "is a pause of users", "Give it with --users.")
    return ways[named[0]][1]


def _open(options: LoadOptions) -> Profile:
    assert options.rate is not None
    phase = Phase(Constant(options.rate), options.duration or DURATION_S)
    return Profile("rate", "", (phase,), options.arrival or "constant")


def _search(options: LoadOptions) -> Profile:
    """The first step of a search for the limit."""
    if options.users is not None or options.profile_load is not None:
        fix = "Leave --users and --profile-load out."
        raise UsageError("--find-limit", "tries rates of its own", fix)
    phase = Phase(Constant(options.rate or 1.0), options.duration or STEP_S)
    return Profile("find-limit", "", (phase,), options.arrival or "poisson")


def _from_file(options: LoadOptions) -> Profile:
    assert options.profile_load is not None
    checks: dict[str, Callable[[str], object]] = {
        "slo": lambda text: parse_slo(text, "slo"),
        "stop_on": lambda text: parse_stop_on(text, "stop_on"),
    }
    found = load_profile(options.profile_load, checks)
    if found.users and options.rate is not None:
        reason = "a profile of users has no rate"
        raise UsageError(f"profile {found.name}", reason, "Leave --rate out.")
    scaled = found.scaled(options.rate, options.duration)
    return scaled if options.arrival is None else replace(scaled, arrival=options.arrival)


def _closed(options: LoadOptions) -> Profile:
    assert options.users is not None
    if options.arrival is not None:
        fix = "Leave it out, or give --rate."
        raise UsageError("--arrival", "is for an open model", fix)
    return Profile(
        "users",
        users=options.users,
        think_s=options.think or 0.0,
        closed_s=options.duration or DURATION_S,
    )


# How calls are made.

#: Why these do not go with events, and what to do.
_UNFIT: Mapping[str, tuple[str, str]] = {
    "replay": ("a recording has no queue of events", "Load a function: demo:io, local:PATH, NAME."),
    "--url": ("waits for the answer, events do not", "Leave --url or --mode async out."),
    "--find-limit": ("needs answers, which events have not", "Give --rate or --profile-load."),
    "--max-cost": (
        "cannot end events that were accepted already, and they cost only later",
        "Bound the load with --rate and --duration.",
    ),
}


def _mode(options: LoadOptions, profile: Profile) -> tuple[Mode, float]:
    """Whether calls are answered or queued, and how long events are followed (s)."""
    mode = options.mode or Mode(choice("--mode", profile.mode or Mode.SYNC.value, MODES))
    if mode is Mode.SYNC:
        if options.drain is not None:
            raise UsageError("--drain", "is for events", "Give it with --mode async.")
        return mode, DRAIN_S
    present = {
        "replay": options.name.kind is Kind.REPLAY,
        "--url": options.url is not None,
        "--find-limit": options.find_limit,
        "--max-cost": options.max_cost is not None,
    }
    for name, (reason, fix) in _UNFIT.items():
        if present[name]:
            raise UsageError("--mode async" if name == "replay" else name, reason, fix)
    drain_s = profile.drain_s if options.drain is None else options.drain
    if drain_s is not None and drain_s > _LONGEST_S:
        raise UsageError("--drain", "is above 6h", "No event lives longer.")
    return mode, DRAIN_S if drain_s is None else drain_s


def _front(options: LoadOptions) -> FrontOptions | None:
    """The HTTP front to load instead of the Invoke API; it calls the function as it is."""
    front = read_front(options)
    if front is not None and options.memory is not None:
        fix = "Leave it out, or set it with tuner apply first."
        raise UsageError("--memory", "cannot be chosen behind --url", fix)
    if front is not None and options.isolation is not DEFAULT:
        raise UsageError("--isolation", "has no effect behind --url", "Leave it out.")
    return front
