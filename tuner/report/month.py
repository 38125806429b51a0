"""The cost of a month: a table of the sizes, and the basis of the figures."""

from collections.abc import Iterable, Iterator

from tuner.decide.result import MonthAtSize, Monthly, ProvisionedOffer, Sweep
from tuner.report.elements import Cell, Fact, Row, Section, Table, call_count, known
from tuner.units import (
    counted,
    format_cost,
    format_costs_of,
    format_memory,
    format_rate,
    format_share,
)

#: The plan without upfront payment; what all upfront costs is told beside it.
_SAVINGS = "savings_no_upfront_usd"
#: Items that add up to the total.
ITEMS = ("requests_usd", "duration_usd", "init_usd", "ephemeral_usd")


def month_table(sweep: Sweep) -> Table | None:
    """The bills by size, the pick's first; ``None`` when no traffic was given."""
    month = sweep.monthly
    if month is None:
        return None
    storage = any(size.ephemeral_usd != 0.0 for size in month.sizes)
    columns = {
        "Total": "total_usd",
        "Requests": "requests_usd",
        "Duration": "duration_usd",
        "INIT": "init_usd",
        **({"/tmp": "ephemeral_usd"} if storage else {}),
        "With free tier": "free_tier_usd",
        "Savings Plan": _SAVINGS,
        # Where the other architecture was measured, that is better than its price.
        **({} if sweep.beside else {f"At {month.other_arch} price": "other_arch_usd"}),
    }
    rows = tuple(_row(size, columns.values()) for size in month.sizes)
    names = ("Memory", *columns)
    return Table("Cost per month by memory size", names, rows, (*names[:2], *names[-3:]))


def month_section(sweep: Sweep) -> Iterator[Section]:
    """The section on the month, if traffic was given."""
    if (table := month_table(sweep)) is not None:
        yield Section(
            "What a month costs",
            note="The traffic that you gave at these prices, with volume tiers; INIT is billed for "
            "the share of cold starts below. Logs are billed apart and not in it.",
            tables=(table,),
            facts=month_facts(sweep),
            folded="Bills by size",
        )


def month_facts(sweep: Sweep) -> tuple[Fact, ...]:
    """The basis of the month's figures, and the case for provisioned concurrency."""
    month = sweep.monthly
    if month is None:
        return ()
    here = sweep.run.facts.arch
    other = f"; {month.other_arch} prices are for the durations measured on {here}"
    return (
        Fact("Traffic", month.traffic, f"{call_count(month.calls)} calls in a month of 730 hours"),
        Fact("Cold starts", format_share(known(month.cold_share)), month.cold_share_from),
        _provisioned(month),
        # The month on an architecture that was measured and not chosen, at its best size.
        *(
            Fact(
                f"On {each.arch}",
                format_cost(best.total_usd),
                f"at {format_memory(best.memory_mb)}",
            )
            for each in sweep.beside
            for best in (each.monthly.sizes[:1] if each.monthly else ())
        ),
        Fact(
            "Other prices",
            "Savings Plan means a Compute Savings Plan without upfront payment",
            "requests get no discount; the free tier counts if nothing else in the account uses it"
            + ("" if sweep.beside else other),
        ),
    )


def month_fact(sweep: Sweep) -> tuple[Fact, ...]:
    """The one figure beside the answer, if there is one."""
    month = sweep.monthly
    if month is None or not month.sizes:
        return ()
    pick = month.sizes[0]
    free = known(pick.free_tier_usd)
    tail = "" if free is None else f"; {format_cost(free)} with the free tier"
    return (Fact("Cost per month", format_cost(pick.total_usd), f"at {month.traffic}{tail}"),)


def _row(size: MonthAtSize, columns: Iterable[str]) -> Row:
    upfront = known(size.savings_all_upfront_usd)
    details = {} if upfront is None else {_SAVINGS: f"all upfront {format_cost(upfront)}"}
    shown = format_costs_of(size.total_usd, {each: getattr(size, each) for each in ITEMS})
    cells = tuple(
        Cell(shown.get(each) or format_cost(getattr(size, each)), details.get(each, ""))
        for each in columns
    )
    marks = (size.role,) if size.role in ("recommended", "current") else ()
    return Row(format_memory(size.memory_mb), cells, marks)


def _provisioned(month: Monthly) -> Fact:
    offer, name = month.provisioned, "Provisioned concurrency"
    if offer is None:
        return Fact(name, "unknown", "its price is missing")
    pays, busy = format_share(offer.break_even), format_share(offer.busy)
    rule = f"a sandbox pays when it is busy {pays} of the time, and the first would be busy {busy}"
    return Fact(name, _offer(offer, month), f"for even traffic; {rule}")


def _offer(offer: ProvisionedOffer, month: Monthly) -> str:
    total, alone = known(offer.total_usd), known(month.sizes[0].total_usd) if month.sizes else None
    if not offer.sandboxes or total is None or not alone:
        return f"does not pay below {format_rate(known(offer.pays_from_per_second))}"
    saved = format_share(max(0.0, 1.0 - total / alone))
    many = counted(offer.sandboxes, "sandbox", "es")
    return f"{many} would save {saved}: {format_cost(total)} a month"
