"""``tuner.plan``: what a sweep would do, cost and take. Invokes nothing."""

from contextlib import closing

from tuner.api.calling import taking
from tuner.api.forecast import forecast
from tuner.api.results import PlanResult
from tuner.api.startup_forecast import startup_forecast
from tuner.errors import UsageError
from tuner.experiment.wiring import open_target
from tuner.options.commands import PlanCall
from tuner.options.question import startup_size
from tuner.options.size_load import with_profile
from tuner.options.sweep import as_sweep
from tuner.records import Setting
from tuner.targets.names import Kind


@taking(PlanCall)
def plan(options: PlanCall) -> PlanResult:
    """Say what a sweep would do: calls, invocations, time and money, and what could go wrong.

    With ``variants``: what comparing ways to start would. Raises
    :class:`tuner.errors.TunerError`.
    """
    return planned(options)


def planned(options: PlanCall) -> PlanResult:
    """Forecast what these options ask for."""
    asked = with_profile(as_sweep(options))
    asked.check_recorded()
    if asked.name.kind is Kind.REPLAY:
        fix = "Run `tuner sweep` itself: it costs nothing."
        raise UsageError(options.target, "is a recording, of which nothing is invoked", fix)
    expected_ms = None if options.expect is None else 1000.0 * options.expect
    with closing(open_target(asked)) as target:
        facts = target.describe()
        if facts.invoke_only:
            reason = "is behind an endpoint that knows Invoke only: there are no prices to forecast"
            raise UsageError(options.target, reason, "Run tuner load or tuner sweep itself.")
        if not asked.variants:
            return PlanResult(forecast(asked, facts, options.store, expected_ms))
        size = startup_size(asked, facts)
        target.check(Setting(size, facts.arch, start) for start in asked.variants)
        return PlanResult(startup_forecast(asked, facts, options.store, expected_ms))
