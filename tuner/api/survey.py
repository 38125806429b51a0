"""``tuner.survey``: all functions of a region, from what AWS logs already. Invokes and changes
nothing; what cannot be read is said, and the rest goes on."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tuner.api.calling import taking
from tuner.api.results import FleetResult
from tuner.billing.cost import FIGURE_USD
from tuner.billing.prices import Prices, prices
from tuner.clock import Clock, WallClock
from tuner.decide.account import Queries, Survey, ranked
from tuner.decide.worth import assess
from tuner.errors import NotFound, TunerError, UsageError
from tuner.experiment.price_list import load_table
from tuner.options.commands import FleetCall
from tuner.recording.production import Counted, Deployed, Use
from tuner.records import RunState
from tuner.units import format_usd

if TYPE_CHECKING:
    from tuner.aws.insights import Found
    from tuner.aws.session import AwsSession

DAY_S = 86_400.0
#: The most that a survey's own queries may cost where nothing is said, US dollars.
MOST_USD = 1.0

Say = Callable[[str], None]


@taking(FleetCall)
def survey(options: FleetCall) -> FleetResult:
    """Say what is worth doing about every function of a region, from what AWS logs already.

    Reads configurations, metrics, and figures that Logs Insights adds up. Raises
    :class:`tuner.errors.TunerError` if not even the functions can be listed.
    """
    return surveyed(options)


def surveyed(options: FleetCall, say: Say | None = None, clock: Clock | None = None) -> FleetResult:
    """Survey a region; ``say`` takes what is to be known before money is spent."""
    from tuner.aws.session import SessionOptions, open_session

    session = open_session(
        SessionOptions(
            options.region, options.profile, options.endpoint_url, assume_role=options.assume_role
        )
    )
    found = _functions(session, options)
    if not found:
        fix = "Check the names, --tag, --stack and --region."
        raise NotFound("fleet", f"no function of {session.region} is meant", fix)
    reading = _Reading(session, options, say or _silent, clock or WallClock())
    state = RunState.DONE
    try:
        reading.read(found)
    except KeyboardInterrupt:
        state = RunState.INTERRUPTED
    if reading.gaps and state is RunState.DONE:
        state = RunState.PARTIAL
    return FleetResult(_judged(reading, found, state.value))


def _silent(_text: str) -> None:
    """Say nothing."""


def _functions(session: "AwsSession", options: FleetCall) -> list[Deployed]:
    from tuner.aws.calls import AwsService
    from tuner.aws.control import ControlPlane
    from tuner.aws.inventory import STACK_TAG, list_functions, tagged_functions

    tags = {**dict(options.tag), **({STACK_TAG: options.stack} if options.stack else {})}
    tagged = None
    if tags:
        tagging = AwsService(session, "resourcegroupstaggingapi")
        tagged = tagged_functions(tagging, tags)
    return list_functions(ControlPlane(session), options.functions, tagged)


@dataclass
class _Reading:
    """Everything that is read of some functions, as far as it got."""

    session: "AwsSession"
    options: FleetCall
    say: Say
    clock: Clock
    uses: dict[str, Use] = field(default_factory=dict)
    queries: Queries = field(default_factory=Queries)
    gaps: list[str] = field(default_factory=list)
    span_s: tuple[float, float] = (0.0, 0.0)

    def read(self, functions: Sequence[Deployed]) -> None:
        """Ask one source after another; what fails is a gap."""
        end = self.clock.wall()
        self.span_s = end - self.options.days * DAY_S, end
        self.uses = {each.name: Use(each) for each in functions}
        try:
            self._metrics(functions)
        except UsageError:
            raise  # the least of it costs more than is allowed
        except TunerError as error:
            self._gap("metrics", error, functions)
        called = [each for each in functions if self.uses[each.name].calls != 0.0]
        if not self.options.no_logs:
            self._logs(called)
        self._advice(called)

    @property
    def _left_usd(self) -> float:
        given = self.options.max_cost
        return (MOST_USD if given is None else given) - self.queries.usd

    def _gap(self, source: str, error: TunerError, functions: Sequence[Deployed]) -> None:
        self.gaps.append(f"{source.capitalize()}: {error.reason}. {error.fix}".strip())
        for each in functions:
            use = self.uses[each.name]
            self.uses[each.name] = replace(use, gaps={**use.gaps, source: error.reason})

    def _metrics(self, functions: Sequence[Deployed]) -> None:
        from tuner.aws.calls import AwsService
        from tuner.aws.usage import OF_CALLED, UsageReader

        most = OF_CALLED * len(functions) * FIGURE_USD
        self.say(f"metrics of {len(functions):,} functions cost at most {format_usd(most)}")
        if most > self._left_usd:
            reason = f"cost at most {format_usd(most)}, more than --max-cost allows"
            raise UsageError("metrics", reason, "Raise --max-cost, or name fewer functions.")
        reader = UsageReader(AwsService(self.session, "cloudwatch", self.clock), self.span_s)
        try:
            calls = reader.calls(functions)
            called = [each for each in functions if calls[each.name]]
            figures = dict(
                zip((each.name for each in called), reader.figures(called, calls), strict=True)
            )
        finally:
            usd = reader.requested * FIGURE_USD
            self.queries = replace(self.queries, metrics=reader.requested, metrics_usd=usd)
            self.span_s = reader.start_s, reader.end_s
        for name, use in self.uses.items():
            counted = figures.get(name) or Counted(calls[name])
            self.uses[name] = replace(use, counted=counted)

    def _logs(self, called: Sequence[Deployed]) -> None:
        """The REPORTs of as many functions as the money allows, the dearest first."""
        from tuner.aws.calls import AwsService
        from tuner.aws.insights import ask_logs

        chosen = self._affordable(self._askable(called))
        if not chosen:
            return
        logs = AwsService(self.session, "logs", self.clock, beside=True)
        try:
            with closing(ask_logs(logs, self.clock, chosen, self.span_s)) as answers:
                for found in answers:
                    self._take(found)
        except TunerError as error:
            self._gap("logs", error, [each for each in chosen if not self.uses[each.name].logged])

    def _take(self, found: "Found") -> None:
        """Keep what one query found; raises TunerError where no more may be spent."""
        queries, scanned = self.queries, found.bytes_scanned
        self.queries = replace(
            queries,
            log_queries=queries.log_queries + 1,
            scanned_bytes=queries.scanned_bytes + scanned,
            scanned_usd=queries.scanned_usd + _scanned_usd(scanned),
        )
        for name, rows in found.rows.items():
            self.uses[name] = replace(self.uses[name], logged=rows)
        if found.problem:
            self._gap("logs", TunerError("logs", found.problem), found.functions)
        if self._left_usd < 0.0:
            reason = "--max-cost is reached, as queries scanned more than was logged"
            raise TunerError("logs", reason)

    def _askable(self, called: Sequence[Deployed]) -> list[Deployed]:
        shared = Counter(each.log_group for each in called)
        found = []
        for each in called:
            use, counted = self.uses[each.name], self.uses[each.name].counted
            why = ""
            if not each.reports:
                why = "SystemLogLevel WARN leaves REPORT out"
            elif shared[each.log_group] > 1:
                why = f"{each.log_group} is shared with other functions"
            elif counted is not None and counted.log_bytes == 0.0:
                why = f"{each.log_group} got nothing"
            if why:
                self.uses[each.name] = replace(use, gaps={**use.gaps, "logs": why})
            else:
                found.append(each)
        return found

    def _affordable(self, functions: Sequence[Deployed]) -> list[Deployed]:
        dear = sorted(functions, key=self._weight, reverse=True)
        chosen, usd, unknown = [], 0.0, False
        for each in dear:
            counted = self.uses[each.name].counted
            scanned = None if counted is None else counted.log_bytes
            if scanned is None:  # nothing says what it would cost to read
                unknown = True
                continue
            price = _scanned_usd(scanned)
            if usd + price <= self._left_usd:
                usd += price
                chosen.append(each)
            else:
                use = self.uses[each.name]
                why = f"its log costs {format_usd(price)} to read, more than --max-cost leaves"
                self.uses[each.name] = replace(use, gaps={**use.gaps, "logs": why})
        if unknown:
            self.gaps.append("Logs: without metrics nothing says what reading them costs.")
        elif len(chosen) < len(dear):
            left = len(dear) - len(chosen)
            self.gaps.append(f"Logs: --max-cost leaves those of {left:,} functions out.")
        self.say(f"figures of {len(chosen):,} logs cost {format_usd(usd)}")
        return chosen

    def _weight(self, each: Deployed) -> float:
        counted = self.uses[each.name].counted
        return 0.0 if counted is None else (counted.duration_ms or 0.0) * each.memory_mb

    def _advice(self, called: Sequence[Deployed]) -> None:
        """Compute Optimizer's sizes; an account that has it switched off is no gap."""
        from tuner.aws.calls import AwsService
        from tuner.aws.optimizer import advised_sizes

        service = AwsService(self.session, "compute-optimizer", self.clock)
        if not service.available or not called:
            return
        try:
            sizes = advised_sizes(service)
        except TunerError:
            return
        for each in called:
            size = sizes.get(each.arn)
            if size is not None:
                self.uses[each.name] = replace(self.uses[each.name], advised_mb=size)


def _scanned_usd(scanned: float) -> float:
    from tuner.aws.insights import SCANNED_USD

    return scanned * SCANNED_USD


def _judged(reading: _Reading, functions: Sequence[Deployed], state: str) -> Survey:
    region, table = reading.session.region, load_table()
    by_arch: Mapping[str, Prices] = {
        arch: prices(region, arch, table) for arch in ("x86_64", "arm64")
    }
    start, end = reading.span_s
    today = datetime.fromtimestamp(end, UTC).date()
    uses = [reading.uses.get(each.name, Use(each)) for each in functions]
    found = [
        assess(
            use,
            max(1.0, end - start),
            by_arch[use.function.arch],
            by_arch["arm64"] if use.function.arch == "x86_64" else None,
            today,
        )
        for use in uses
    ]
    own = by_arch["x86_64"]
    dated = f"{own.dated}{f'; {own.note}' if own.note else ''}"
    return Survey(
        region,
        reading.span_s,
        ranked(found),
        reading.queries,
        tuple(dict.fromkeys(reading.gaps)),
        state,
        dated,
    )
