"""``tuner plan``: what a sweep would do, cost and take; invokes nothing."""

from tuner.options.commands import PlanCommand


def plan(options: PlanCommand) -> None:
    """Works out what a sweep takes; invokes nothing. With --variants: what a comparison of ways to
    start takes and costs.

    Example: tuner plan myfunc --memory 128:3008 --expect 200ms
    """
    from tuner.api.plan import planned
    from tuner.api.startup_forecast import StartupForecast, hold_against_limit
    from tuner.cli.forecast import show, show_details
    from tuner.cli.show import write_document

    found = planned(options).forecast
    if options.json_to is not None:
        write_document(found.to_dict(), options.json_to)
    if options.json_to != "-":
        show(found)
    if isinstance(found, StartupForecast):
        hold_against_limit(found, options.limit.cost_usd)
    elif options.json_to != "-":
        show_details(found)
