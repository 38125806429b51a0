"""The options of the commands that measure and answer: which of the declared ones each takes.

A class per command; its fields are the command's options on the command line and in tuner.toml.
``...Call`` are those of the function of the same name in Python; the rest is for a terminal.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

from tuner.errors import UsageError
from tuner.options import calls, function, output, sweep
from tuner.options import kinds as k
from tuner.options.load_options import LoadOptions
from tuner.options.option import (
    Argument,
    again,
    maybe,
    option,
    options_of,
    positional,
    unshown,
)
from tuner.options.risk import always, outside

RUN = Argument("A run id, a unique prefix of one, `last`, or an exported file.", "RUN", "runs")
CONFIGURED = "The configuration"
MAYBE_TARGET = Argument(function.TARGET.text, "TARGET", "demos", required=False)


class SweepCall(output.Reported, output.Stored, sweep.SweepOptions, panel=calls.PANEL):
    """`tuner.sweep`."""

    power_tuning_input: k.Text = option(
        k.TEXT,
        "Take function and options from an input of aws-lambda-power-tuning.",
        metavar="FILE",
        risk=always("says which functions are called"),
        kept=False,
    )
    target: str = positional(function.TARGET, kw_only=False, default="")
    variants: k.Arches = unshown(sweep.Compared.variants)

    @classmethod
    def made(cls, target: str | None = None, **given: Any) -> Self:
        """Complete the options by those of a power-tuning input (with its function), and by the
        objectives and the event of a load's profile. Raises UsageError.
        """
        from tuner.options.payloads import with_power_tuning
        from tuner.options.size_load import with_profile

        written = {"target": target, **given} if target else given
        if (file := given.get("power_tuning_input")) is not None:
            written = with_power_tuning(file, written)
        if not written.get("target"):
            fix = "Write tuner sweep TARGET, or name a power-tuning input that has a lambdaARN."
            raise UsageError("sweep", "needs a function", fix)
        return with_profile(cls(**written))


class SweepCommand(output.Running, SweepCall, panel=calls.PANEL):
    """`tuner sweep`."""

    target: str = positional(MAYBE_TARGET, kw_only=False, default="")
    resume: k.Text = option(
        k.TEXT, "Go on with an interrupted run.", metavar="RUN", values="runs", kept=False
    )

    @classmethod
    def check_written(cls, written: Mapping[str, Any]) -> None:
        """Refuse what a run that is resumed has already; raises UsageError."""
        super().check_written(written)
        kept = {*options_of(output.Running), "resume", "store", "output", "cross_check"}
        for name, each in options_of(cls).items():
            unfit = name in written and name not in kept and not each.about.secret
            if written.get("resume") and unfit:
                reason = "cannot be changed when a run is resumed"
                raise UsageError(each.flag, reason, "Leave it out, or start a new sweep.")

    @classmethod
    def made(cls, target: str | None = None, **given: Any) -> Self:
        """Read the options of a target, or of a run that is resumed. Raises UsageError."""
        named = target or given.get("power_tuning_input")
        if (not named) == (not given.get("resume")):
            fix = "Write tuner sweep TARGET, or tuner sweep --resume RUN."
            raise UsageError("sweep", "needs a target or a run to resume, one of the two", fix)
        return super().made(target if named else "replay:none", **given)


class ColdCall(
    output.Reported,
    output.Stored,
    sweep.Compared,
    sweep.MoneyLimit,
    sweep.Sizes,
    calls.CrossChecked,
    calls.Chance,
    calls.Payloads,
    function.Architectures,
    function.FunctionOptions,
    panel=calls.PANEL,
):
    """`tuner.cold`."""

    cold: k.Count = option(k.COUNT, "Cold starts per size.", 5, least=1)

    def __post_init__(self) -> None:
        """Refuse a limit that nothing is held against."""
        if self.max_cost is not None and not self.variants:
            fix = (
                "Leave it out: cold starts alone cost next to nothing; `tuner plan` says how much."
            )
            raise UsageError("--max-cost", "needs --variants here", fix)


class ColdCommand(output.Running, ColdCall):
    """`tuner cold`."""


class LoadCall(output.Reported, output.Stored, LoadOptions):
    """`tuner.load`."""


class LoadCommand(output.Running, LoadCall):
    """`tuner load`."""


class PlanCall(
    output.Stored,
    sweep.Compared,
    sweep.SizeLoads,
    sweep.Limits,
    sweep.Objectives,
    sweep.Plan,
    calls.CrossChecked,
    calls.OnePayload,
    function.Architectures,
    function.Isolated,
    function.Role,
    function.Machine,
    function.Package,
    function.Account,
    function.Target,
    panel=calls.PANEL,
):
    """`tuner.plan`."""

    expect: k.Quantity = option(
        k.SECONDS,
        "About how long a warm call takes at the function's present memory, such as 200ms.",
        metavar="TIME",
        kept=False,
    )


class PlanCommand(output.Json, PlanCall):
    """`tuner plan`."""


class ForecastCall(
    output.ReportedToo, output.Stored, calls.Chance, function.Region, panel="The traffic"
):
    """`tuner.forecast`."""

    target: str = positional(
        Argument(
            "A stored run (id, prefix, `last` or an exported file), or a target: its latest run.",
            "TARGET|RUN",
            "runs",
        ),
        kw_only=False,
    )
    traffic: k.Travelled = again(sweep.Production.traffic, "What comes: 20rps, or a file of calls.")
    times: k.Number = option(
        k.NUMBER, "So many times the traffic, in the same shape.", 1.0, most=1e6
    )
    flash: k.MaybeNumber = option(
        k.NUMBER.optional(),
        "A flash crowd at the highest rate: so many times of it, at once.",
        most=1e6,
    )
    flash_for: k.Seconds = option(k.WAIT, "How long the flash crowd stays.", "5m")
    duration: k.Seconds = option(
        k.WAIT, "How long a rate goes on; a file says it itself.", "1h", most=31 * 86_400
    )
    memory: k.OneMemory = option(
        k.ONE_MEMORY,
        "Size in MB (default: recommended by the run, else as configured or called most).",
        panel=CONFIGURED,
    )
    expect: k.Quantity = again(
        PlanCall.expect, "Mean duration of a warm call, where no run has measured it."
    )
    init: k.Quantity = option(
        k.SECONDS, "INIT, where no run has measured it.", panel=CONFIGURED, metavar="TIME"
    )
    reserved: k.MaybeCount = option(
        k.MAYBE_COUNT, "Reserved concurrency (default: as configured).", panel=CONFIGURED, least=0
    )
    provisioned: k.Count = option(k.COUNT, "Provisioned sandboxes.", 0, panel=CONFIGURED, least=0)
    account_concurrency: k.MaybeCount = option(
        k.MAYBE_COUNT,
        "The account's limit (default: as the run saw it, else 1000).",
        panel=CONFIGURED,
        least=1,
    )


class ForecastCommand(output.Shown, ForecastCall):
    """`tuner forecast`."""


class FleetCall(function.Role, function.Account, panel="The functions"):
    """`tuner.survey`."""

    functions: tuple[str, ...] = positional(
        Argument(
            "Names, with * and ? where wanted. Default: every function of the region.",
            "NAME",
            many=True,
            required=False,
        ),
        kw_only=False,
        default=(),
    )
    tag: k.Pairs = option(k.PAIRS, "Only functions with this tag; repeatable.", metavar="KEY=VALUE")
    stack: k.Text = option(k.TEXT, "Only functions of this CloudFormation stack.", metavar="NAME")
    days: k.Count = option(k.COUNT, "How many days to look back.", 30, least=1, most=63)
    max_cost: k.Quantity = again(
        sweep.MoneyLimit.max_cost, "The most that its own queries may cost (default: 1)."
    )
    no_logs: k.Flag = option(k.FLAG, "Read metrics alone, no logs.")


class FleetCommand(output.Shown, output.ReportedToo, FleetCall):
    """`tuner fleet`."""

    csv: k.MaybeFile = option(
        k.MAYBE_FILE,
        "Write one line for each function.",
        metavar="FILE",
        panel=output.PANEL,
        risk=outside(output.WRITTEN),
    )


class RecommendCall(output.ReportedToo, output.Stored, sweep.Production, panel=sweep.CHOICE_PANEL):
    """`tuner.recommend`: what is ``None`` stays as the run has it."""

    run: str = positional(RUN, kw_only=False)
    strategy: k.MaybeStrategy = maybe(sweep.GoalOptions.strategy)
    balance: k.MaybeNumber = maybe(sweep.GoalOptions.balance)
    worth: k.MaybeNumber = maybe(sweep.GoalOptions.worth)
    slo: k.MaybeSlos = maybe(sweep.GoalOptions.slo)
    region: k.Text = option(k.TEXT, "Use this region's prices.")
    arch: k.Text = option(k.TEXT, "Use the prices of x86_64 or arm64; durations stay as measured.")


class RecommendCommand(output.Shown, RecommendCall):
    """`tuner recommend`."""


class ReportCommand(output.Shown, output.Reported, output.Stored):
    """`tuner report`."""

    run: k.Text = positional(replace(RUN, required=False), kw_only=False, default=None)
    serve: k.Flag = option(k.FLAG, "Serve all reports on this machine until Ctrl-C.")
    port: k.Count = option(
        k.COUNT, "Port to serve on; 0 takes a free one.", 0, least=0, most=65_535
    )


class CompareCall(output.Stored):
    """`tuner.compare`."""

    before: str = positional(Argument(RUN.text, "A", "runs"), kw_only=False)
    after: str = positional(Argument("The run to judge.", "B", "runs"), kw_only=False)
    gate: k.Texts = option(
        k.TEXTS,
        "Fail with 99 if this regressed: 'p95 +10%', 'cost_per_million +5%', 'init +20%', "
        "'throttles', 'p95<300ms'; repeatable.",
        metavar="GATE",
    )


class CompareCommand(output.Shown, output.ReportedToo, CompareCall):
    """`tuner compare`."""
