"""What a user asks of a sweep, as it was written, and what that means.

The fields bear the names of the command line's options, so that the CLI, the Python API and a
stored run share one form. Reading a field into numbers happens here, in one place, and raises
only :class:`tuner.errors.UsageError`. Nothing is opened; files are read for payloads alone.
"""

import hashlib
import json
import math
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from tuner.billing.prices import Prices
from tuner.billing.traffic import Demand, read_demand, steady_demand
from tuner.clock import Clock, WallClock
from tuner.errors import UsageError
from tuner.load.events import load_event
from tuner.measure.payloads import Payload
from tuner.measure.session import Conditions
from tuner.plan.budget import Budget
from tuner.recommend.cold_plan import COLD_STARTS, matters
from tuner.recommend.decide import Question
from tuner.recommend.goal import Goal, parse_strategy
from tuner.recommend.month import Priced
from tuner.recommend.slo import parse_slo
from tuner.recording.power_tuning import read_input
from tuner.records import Advice, Backend, FunctionFacts, RunRecord, Sample
from tuner.target.isolation import read_isolation
from tuner.units import MemoryWish, parse_memory, parse_seconds, parse_share, parse_usd

#: The most warm invocations of an adaptive sweep unless `--invocations` says otherwise. A real
#: function needs one more call per size, which meets the cold start of its fresh version.
INVOCATIONS = 60
REPLAYED_INVOCATIONS = 40
#: A synchronous invocation takes at most 6 MB (Lambda quotas; the API counts 6,291,556 bytes).
PAYLOAD_LIMIT = 6_291_556
#: So many events are made of a template, so that calls differ; they take turns.
EVENTS = 50
METHODS = ("adaptive", "grid")
CPU_METHODS = ("auto", "cgroup-v1", "cgroup-v2", "duty-cycle")
#: How long a call is taken to be for a cold share, until calls are measured.
_TYPICAL_S = 0.1


@dataclass(frozen=True)
class SweepOptions:
    """The options of a sweep as written; the defaults are the command line's."""

    target: str
    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    handler: str | None = None
    runtime: str | None = None
    env: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    cpu: str = "auto"
    isolation: str = "versions"
    assume_role: str | None = None
    memory: str = "128:1536"
    method: str = "adaptive"
    samples: int = 10
    payload: str = "{}"
    payloads: str | None = None
    event: str | None = None
    cold: int | None = None
    seed: int = 0
    strategy: str = "cost"
    balance: float = 0.5
    slo: tuple[str, ...] = ()
    cold_share: str | float | None = None
    traffic: str | float | None = None
    invocations: int | None = None
    max_cost: str | float | None = None
    max_time: str | float | None = None
    left_out: tuple[str, ...] = ()  # what a power-tuning input asks for that has no counterpart

    def stored(self) -> dict[str, Any]:
        """The options as a run keeps them: names of variables only, and payloads by hash."""
        kept = asdict(self)
        kept["env"] = [item.partition("=")[0] for item in self.env]
        if not self.payload.startswith("@"):
            kept["payload"] = _hashed(self.payload)
        if self.payloads and _inline(self.payloads):
            kept["payloads"] = _hashed(self.payloads)
        return {name: value for name, value in kept.items() if value not in (None, (), [])}


def _hashed(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _inline(payloads: str) -> bool:
    """Whether these are the payloads themselves, rather than the name of their file."""
    return payloads.lstrip().startswith("[")


def stored_options(kept: Mapping[str, Any]) -> SweepOptions:
    """The options of a stored run: enough to answer from it again, not to invoke."""
    known = {field.name for field in fields(SweepOptions)}
    values: dict[str, Any] = {}
    for name, value in kept.items():
        if name in known:
            values[name] = tuple(value) if isinstance(value, list) else value
    return SweepOptions(**values)


def with_secrets(options: SweepOptions, given: SweepOptions) -> SweepOptions:
    """Options of a stored run, with what it does not keep taken from ``given``.

    Raises UsageError when the variables or the payload were not given again as they were.
    """
    again = given.stored()
    for name in ("payload", "payloads"):
        if not str(getattr(options, name)).startswith("sha256:"):
            continue
        if again.get(name) != getattr(options, name):
            fix = f"Give the same --{name} again; a run keeps only its hash."
            raise UsageError(f"--{name}", "is not the one that the run began with", fix)
        options = replace(options, **{name: getattr(given, name)})
    if options.env:
        if tuple(again.get("env", ())) != options.env:
            fix = f"Give --env again for: {', '.join(options.env)}; a run keeps only the names."
            raise UsageError("--env", "is not as the run began", fix)
        options = replace(options, env=given.env)
    return options


def read_payloads(
    options: SweepOptions, clock: Clock | None = None, events: int = EVENTS
) -> tuple[Payload, ...]:
    """The payloads to invoke with: ``--payloads`` (weighted), or the one of ``--payload``; or
    so many different ``events`` of a template, as of now on ``clock``."""
    if options.event:
        if options.payloads or options.payload != "{}":
            reason = "cannot go with --payload or --payloads"
            raise UsageError("--event", reason, "Give one of them.")
        now_s = (clock or WallClock()).wall()
        return tuple(map(Payload, load_event(options.event).render(events, options.seed, now_s)))
    if options.payloads:
        inline = _inline(options.payloads)
        return _weighted(options.payloads if inline else _file(options.payloads, "--payloads"))
    text = options.payload
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        text = _file(text[1:], "--payload")
    return (Payload(_checked(text, "--payload")),)


def with_power_tuning(
    file: str, target: str | None, given: Mapping[str, Any]
) -> tuple[str | None, dict[str, Any]]:
    """Target and options of an aws-lambda-power-tuning input; what is ``given`` goes before it."""
    own_payload = bool({"payload", "payloads"} & given.keys())
    option = "--power-tuning-input"
    wish = read_input(_file(file, option), f"{option} {file}", payload_given=own_payload)
    options = dict(wish.options)
    if own_payload:
        options = {k: v for k, v in options.items() if k not in ("payload", "payloads")}
    return target or wish.target, {**options, **given, "left_out": wish.notes}


def _file(name: str, option: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is not text"
        raise UsageError(f"{option} {name}", f"cannot be read: {why}", "Check the path.") from None


def _checked(text: str, option: str, *, limit: bool = True) -> bytes:
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        fix = "Give JSON, @file, or - for stdin."
        raise UsageError(option, f"is not JSON: {error}", fix) from None
    body = text.encode()
    if limit and len(body) > PAYLOAD_LIMIT:
        reason = f"is {len(body):,} bytes; Lambda takes at most {PAYLOAD_LIMIT:,}"
        raise UsageError(option, reason, "Send a smaller event.")
    return body


def _weighted(text: str) -> tuple[Payload, ...]:
    """A list of ``{"payload": ..., "weight": n}``, as aws-lambda-power-tuning has it."""
    items = json.loads(_checked(text, "--payloads", limit=False))
    fix = 'Write it like [{"payload": {...}, "weight": 2}, {"payload": {...}, "weight": 1}].'
    if not isinstance(items, list) or not items:
        raise UsageError("--payloads", "is not a list of payloads", fix)
    found = []
    for number, item in enumerate(items, 1):
        weight = item.get("weight", 1) if isinstance(item, dict) and "payload" in item else None
        if not isinstance(weight, int | float) or not math.isfinite(weight) or weight <= 0:
            raise UsageError("--payloads", f"item {number} has no payload and weight", fix)
        body = _checked(json.dumps(item["payload"]), f"--payloads, item {number}")
        found.append(Payload(body, float(weight)))
    return tuple(found)


def read_goal(options: SweepOptions, facts: FunctionFacts) -> Goal:
    """What to choose for. A cold share that follows from traffic is rough until calls are timed."""
    share, source = _cold_share(options, facts)
    demand = None if options.traffic is None else read_traffic(str(options.traffic))
    if demand is not None and not source:
        share = demand.cold_share(_TYPICAL_S)
    return Goal(
        strategy=parse_strategy(options.strategy),
        balance=options.balance,
        slos=tuple(parse_slo(text) for text in options.slo),
        cold_share=share,
        arch=facts.arch,
        current_mb=facts.memory_mb,
        ephemeral_mb=facts.ephemeral_mb,
        demand=demand,
        cold_share_from=source,
    )


def _cold_share(options: SweepOptions, facts: FunctionFacts) -> tuple[float, str]:
    """The share that ``--cold-share`` names, and where it is from; ("" when it names none)."""
    if options.cold_share is None:
        return 0.0, ""
    if str(options.cold_share).strip() != "recorded":
        return parse_share(options.cold_share), "given"
    calls = facts.platform.get("recorded_calls", 0)
    cold = facts.platform.get("recorded_cold_starts", 0)
    if not cold:
        fix = "Give a share like 1%, or leave it to --traffic."
        raise UsageError("--cold-share recorded", "finds no recorded cold start", fix)
    return cold / calls, f"recorded: {cold:,} of {calls:,} calls"


def read_traffic(text: str, option: str = "--traffic") -> Demand:
    """Production's traffic: a rate like ``20rps``, or the name of a file of minutes or calls."""
    try:
        return steady_demand(text, option)
    except UsageError as error:
        if not Path(text).suffix and not Path(text).is_file():
            fix = f"{error.fix.rstrip('.')}; or name a CSV or JSON file."
            raise UsageError(error.thing, error.reason, fix) from None
    return read_demand(_file(text, option), f"{option} {text}")


def without_lost_traffic(options: SweepOptions) -> tuple[SweepOptions, tuple[Advice, ...]]:
    """Options of a stored run, without its traffic if the file of that cannot be read any more."""
    try:
        read_traffic(str(options.traffic))
    except UsageError as error:
        text = (
            f"The run's traffic is left out ({error.thing} {error.reason}); give --traffic again."
        )
        return replace(options, traffic=None), (Advice("traffic-lost", text),)
    return options, ()


@dataclass(frozen=True)
class Errand:
    """A sweep to be run: the question, what it is asked with, and what is known already.

    ``question.budget`` is for warm calls; ``limit`` is for everything, cold starts included.
    ``before`` are the samples of a run that is resumed.
    """

    run: RunRecord
    question: Question
    prices: Priced
    payloads: tuple[Payload, ...]
    limit: Budget
    cold: int | None = None
    before: tuple[Sample, ...] = ()

    @property
    def limited(self) -> bool:
        """Whether the user set any limit, so that reaching it is worth an exit code."""
        return self.limit != Budget(None)

    @property
    def cold_possible(self) -> bool:
        """Whether cold starts can be forced, or were recorded."""
        return bool(self.run.facts.platform.get("recorded_cold_starts", True))

    def conditions(self) -> Conditions:
        """What stays the same in every batch; numbers go on where a resumed run stopped."""
        return Conditions(
            payloads=self.payloads,
            seed=self.question.seed,
            first_call=max((s.call for s in self.before), default=-1) + 1,
            first_round=max((s.round for s in self.before), default=-1) + 1,
        )


def errand(
    options: SweepOptions,
    payloads: tuple[Payload, ...],
    run: RunRecord,
    priced: Priced,
    before: tuple[Sample, ...] = (),
) -> Errand:
    """Everything that a sweep of these options is run with."""
    asked = question(options, run.facts, priced.own)
    limit = read_limit(options)
    if options.method == "adaptive":
        replayed = run.facts.backend is Backend.REPLAY
        most = limit.invocations or (REPLAYED_INVOCATIONS if replayed else INVOCATIONS)
        if limit.invocations and (options.cold or matters(asked.goal)):
            most = max(1, most - min(most // 3, 3 * (options.cold or COLD_STARTS)))
        asked = replace(asked, budget=replace(limit, invocations=most))
    return Errand(run, asked, priced, payloads, limit, options.cold, before)


def read_limit(options: SweepOptions) -> Budget:
    """What the user says a run may use up, in numbers; no limit where nothing is said."""
    return Budget(
        invocations=options.invocations,
        cost_usd=None if options.max_cost is None else parse_usd(options.max_cost),
        seconds=None if options.max_time is None else parse_seconds(str(options.max_time)),
    )


def check(options: SweepOptions) -> None:
    """Read everything that can be read before a function is touched; raises UsageError."""
    if options.method not in METHODS:
        fix = "Choose adaptive or grid."
        raise UsageError(f"--method {options.method[:40]!r}", "is not a method", fix)
    if options.cpu not in CPU_METHODS:
        fix = f"Choose {', '.join(CPU_METHODS)}."
        raise UsageError(f"--cpu {options.cpu[:40]!r}", "is no way to limit CPU", fix)
    parse_memory(options.memory)
    read_isolation(options.isolation)
    parse_strategy(options.strategy)
    for text in options.slo:
        parse_slo(text)
    read_limit(options)
    if options.cold_share is not None and str(options.cold_share).strip() != "recorded":
        parse_share(options.cold_share)
    if options.traffic is not None:
        read_traffic(str(options.traffic))
    for name in ("samples", "invocations"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} {value}", "is below 1", "Give a positive number.")
    if (options.cold or 0) < 0:
        raise UsageError(f"--cold {options.cold}", "is below 0", "Give 0 or more.")
    if not 0.0 <= options.balance <= 1.0:
        raise UsageError(f"--balance {options.balance:g}", "is not between 0 and 1", "0 is speed.")


def question(options: SweepOptions, facts: FunctionFacts, prices: Prices) -> Question:
    """All that a decision depends on except the samples."""
    return Question(
        goal=read_goal(options, facts),
        rates=prices,
        wish=parse_memory(options.memory),
        recorded_mb=facts.recorded_mb,
        grid_samples=options.samples if options.method == "grid" else None,
        budget=read_limit(options),
        seed=options.seed,
    )


def without(asked: Question, refused: Collection[int]) -> Question:
    """The question over what is left when some sizes (MB) could not be made callable.

    A refused size above all that work is taken for the account's cap on memory (new accounts have
    3,008 MB): nothing above it is asked again.
    """
    if not refused:
        return asked
    wish, recorded = asked.wish, asked.recorded_mb
    if wish.range_mb:
        low, high = wish.range_mb[0], min(refused) - 1
        wish = MemoryWish(range_mb=(low, high)) if high > low else MemoryWish(sizes_mb=(low,))
    elif wish.sizes_mb:
        left = tuple(size for size in wish.sizes_mb if size not in refused)
        wish = MemoryWish(sizes_mb=left or wish.sizes_mb[:1])
    return replace(asked, wish=wish, recorded_mb=tuple(s for s in recorded if s not in refused))
