"""What a sweep is asked: sizes, the goal, limits, and the load that each size is put under."""

from collections.abc import Mapping
from typing import Any

from tuner.decide.goal import WORTH
from tuner.errors import StoreError, UsageError
from tuner.options import calls, function
from tuner.options import kinds as k
from tuner.options.option import Options, option, options_of
from tuner.options.risk import saying
from tuner.planning.budget import Budget

CHOICE_PANEL = "What is chosen"
LIMIT_PANEL = "Limits"
LOAD_PANEL = "Sizes under load"
METHODS = ("adaptive", "grid")
#: Sizes unless `--memory` is written.
DEFAULT_MEMORY = "128:1536"


class Sizes(Options, panel=calls.PANEL):
    """Sizes."""

    memory: k.Memory = option(
        k.MEMORY, "Sizes in MB: 128:1536, 128:10240, 128,256,512, or `recorded`.", DEFAULT_MEMORY
    )


class Plan(Sizes):
    """Sizes, and how often each is called."""

    method: k.Word = option(
        k.one_of(*METHODS),
        "adaptive measures where it matters most; grid measures every size alike.",
        panel=calls.PANEL,
    )
    samples: k.Count = option(
        k.COUNT,
        "grid: warm samples per size.",
        10,
        panel=calls.PANEL,
        least=1,
        goes_with=("method", "grid"),
    )
    cold: k.MaybeCount = option(
        k.MAYBE_COUNT,
        "Cold starts to force at the pick and at both ends (default: 5; 0: none).",
        panel=calls.PANEL,
        least=0,
    )


class Objectives(Options):
    """Objectives."""

    slo: k.Slos = option(
        k.SLOS,
        "Objective, such as 'p95<300ms', 'cold_p99<2s', 'cost<5usd/million'; repeatable.",
        panel=CHOICE_PANEL,
    )


class Production(Options, panel=CHOICE_PANEL):
    """Production's traffic."""

    cold_share: k.Shared = option(
        k.COLD_SHARE, "Share of cold invocations in production: 1%, or `recorded` (replay)."
    )
    traffic: k.Travelled = option(
        k.TRAFFIC,
        "Production traffic, for cost per month and a cold share: 20rps, or a CSV or JSON file "
        "with per_minute, timestamp and invocations, or timestamp alone (one call a row); exports "
        "of CloudWatch too.",
        metavar="RATE|FILE",
    )


class GoalOptions(Production, Objectives):
    """Goal of the choice."""

    strategy: k.Strategies = option(k.STRATEGY, "cost, speed or balanced.", panel=CHOICE_PANEL)
    balance: k.Number = option(
        k.NUMBER,
        "balanced: 0 is speed, 1 is cost.",
        0.5,
        panel=CHOICE_PANEL,
        least=0.0,
        most=1.0,
        goes_with=("strategy", "balanced"),
    )
    worth: k.Number = option(
        k.NUMBER,
        "cost: what speed is worth; a faster size may cost this much more than the cheapest, by "
        "default 3 %, if it is enough faster. 0 always picks the cheapest.",
        WORTH,
        panel=CHOICE_PANEL,
        least=0.0,
        most=1.0,
        goes_with=("strategy", "cost"),
    )


class MoneyLimit(Options, panel=LIMIT_PANEL):
    """The most that may be spent."""

    max_cost: k.Quantity = option(k.USD, "Stop before spending more than this.", metavar="USD")

    @property
    def limit(self) -> Budget:
        """The most that a run may use up; no limit where nothing is said, or can be."""
        given = self.values()
        return Budget(given.get("invocations"), self.max_cost, given.get("max_time"))


class CostAndTime(MoneyLimit, panel=LIMIT_PANEL):
    """The most money and time."""

    max_time: k.Quantity = option(k.SECONDS, "Stop after this long, such as 10m.")


class Limits(CostAndTime, panel=LIMIT_PANEL):
    """The most invocations, money and time."""

    invocations: k.MaybeCount = option(
        k.MAYBE_COUNT, "The most invocations that a sweep may make.", least=1
    )


class SizeLoads(Options, panel=LOAD_PANEL):
    """The load that each size is put under: as `tuner load` has it, by the same names."""

    profile_load: k.Text = option(
        k.TEXT,
        "Put sizes under this load as well, one after another, and judge client_, throttles and "
        "errors objectives by it: steady, spike, burst-cold, ..., or a TOML file.",
        metavar="NAME|FILE",
        values="profiles",
    )
    rate: k.Quantity = option(
        k.RATE, "A load at this rate, such as 20 or 1200/min; with a profile, its highest rate."
    )
    duration: k.Quantity = option(
        k.SECONDS, "How long each size is loaded (default: 30s, or what the profile says)."
    )
    retry: k.Text = option(
        k.maybe_one_of(*k.RETRIES),
        "What follows a throttle: none (default), backoff, decorrelated or adaptive.",
    )
    max_concurrency: k.MaybeCount = option(
        k.MAYBE_COUNT, "The most calls in flight at once.", least=1
    )


class Compared(Options, panel=calls.PANEL):
    """Ways to start that are compared."""

    variants: k.Arches = option(
        k.VARIANTS,
        "Compare ways to start at one size: on-demand,snapstart,provisioned=5.",
        metavar="LIST",
        risk=saying("provisioned", "sets up concurrency that is billed by time"),
    )


class SweepOptions(
    Compared,
    SizeLoads,
    Limits,
    GoalOptions,
    Plan,
    function.Architectures,
    calls.RunOptions,
):
    """All options of a sweep, of its plan, and of cold starts."""

    left_out: k.Texts = option(
        k.TEXTS, "What a power-tuning input asks for beyond a sweep.", internal=True
    )

    def __post_init__(self) -> None:
        """Refuse what does not go together, before a function is touched."""
        if self.architectures:
            self._check_architectures()
        if self.variants and str(self.memory) != DEFAULT_MEMORY and len(self.memory.sizes_mb) != 1:
            fix = "Name one, or leave --memory out for the function's present size."
            raise UsageError("--variants", "are compared at one memory size", fix)

    def check_recorded(self) -> None:
        """Refuse what only a recording can answer, before a run; a stored one may have it."""
        asked = {
            "--memory": self.memory.recorded,
            "--cold-share": self.cold_share is not None and self.cold_share.share is None,
        }
        if any(asked.values()) and self.name.kind not in function.REPLAY:
            flag = next(flag for flag, recorded in asked.items() if recorded)
            example = "128:1536" if flag == "--memory" else "1%"
            reason = f"is of a recording, and {self.target} is none"
            raise UsageError(f"{flag} recorded", reason, f"Write {flag} {example}, for example.")

    def _check_architectures(self) -> None:
        from tuner.targets.choices import Isolation

        if self.isolation is Isolation.IN_PLACE:
            fix = "Leave --isolation out: temporary copies are measured."
            raise UsageError("--architectures", "cannot be measured in place", fix)


def measuring_options() -> list[str]:
    """The names of the options that say how a run measured and chose, which a report shows.

    Those of the function and of the calls are not among them: they may be secret.
    """
    others = calls.RunOptions.names()
    return [n for n, e in options_of(SweepOptions).items() if n not in others and not e.internal]


def as_sweep(options: Options) -> SweepOptions:
    """The options of a command that has some of a sweep's, as a sweep's."""
    known = SweepOptions.names()
    return SweepOptions(**{n: v for n, v in options.values().items() if n in known})


#: Options of which a run keeps only the names.
_BY_NAME = {"env", "parameter"}


def stored_options(kept: Mapping[str, Any]) -> SweepOptions:
    """The options of a stored run: enough to answer from it again, not to invoke.

    Raises StoreError where they do not say what was measured.
    """
    if not isinstance(kept.get("target"), str):
        reason = "do not say which function was measured"
        raise StoreError("the options of this run", reason, "Delete it with `tuner runs delete`.")
    values = {n: v for n, v in kept.items() if n in SweepOptions.names()}
    for name in _BY_NAME & values.keys():
        values[name] = tuple((each.partition("=")[0], "") for each in values[name])
    return SweepOptions(**values)


def with_secrets(options: SweepOptions, given: SweepOptions) -> SweepOptions:
    """Options of a stored run, with what it does not keep taken from ``given``.

    Raises UsageError when the variables or the payload were not given again as they were.
    """
    again, secret = given.stored(), dict[str, Any]()
    for name, each in options_of(SweepOptions).items():
        if not each.about.secret:
            continue
        before = options.stored().get(name)
        if name in _BY_NAME or str(before).startswith("sha256:"):
            if again.get(name) != before:
                raise UsageError(each.flag, *_not_again(each.flag, before))
            secret[name] = getattr(given, name)
    return options.but(**secret)


def _not_again(flag: str, before: Any) -> tuple[str, str]:
    if isinstance(before, list):
        names = ", ".join(before)
        return "is not as the run began", f"Give {flag} again for: {names}; a run keeps only names."
    return "is not the one that the run began with", (
        f"Give the same {flag} again; a run keeps only its hash."
    )
