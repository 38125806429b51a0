"""The cost of a month: a table of the sizes, and the basis of the figures."""

from collections.abc import Iterator
from dataclasses import replace

from tuner.decide.result import MonthAtSize, Monthly, ProvisionedOffer, Sweep
from tuner.report.elements import Cell, Fact, Row, Section, Table, counted, known, money
from tuner.units import format_memory, format_rate, format_share

#: Roles of a size that are marked.
_MARKS = ("recommended", "current")


def month_table(sweep: Sweep) -> Table | None:
    """The bills by size, the pick's first; ``None`` when no traffic was given."""
    month = sweep.monthly
    if month is None:
        return None
    storage = any(size.ephemeral_usd != 0.0 for size in month.sizes)
    columns = (
        *("Memory", "Total", "Requests", "Duration", "INIT"),
        *(("/tmp",) if storage else ()),
        *("With free tier", "Savings Plan"),
        *(() if sweep.beside else (f"At {month.other_arch} price",)),
    )
    rows = tuple(_row(size, storage) for size in month.sizes)
    if sweep.beside:  # the other architecture was measured, which is better than its price
        rows = tuple(replace(row, cells=row.cells[:-1]) for row in rows)
    narrow = (*columns[:2], *columns[-3:])
    return Table("Cost per month by memory size", columns, rows, narrow)


def month_section(sweep: Sweep) -> Iterator[Section]:
    """The section on the month, if traffic was given."""
    if (table := month_table(sweep)) is not None:
        yield Section(
            "What a month costs",
            note="The traffic that you gave at these prices, with volume tiers; INIT is billed for "
            "the share of cold starts below.",
            tables=(table,),
            facts=month_facts(sweep),
        )


def month_facts(sweep: Sweep) -> tuple[Fact, ...]:
    """The basis of the month's figures, and the case for provisioned concurrency."""
    month = sweep.monthly
    if month is None:
        return ()
    return (
        Fact("Traffic", month.traffic, f"{_count(month.calls)} calls in a month of 730 hours"),
        Fact("Cold starts", format_share(known(month.cold_share)), month.cold_share_from),
        *_provisioned(month),
        *(_measured_there(each) for each in sweep.beside if each.monthly and each.monthly.sizes),
        Fact(
            "Other prices",
            "Savings Plan means a Compute Savings Plan without upfront payment",
            "requests get no discount; the free tier counts if nothing else in the account uses it"
            + ("" if sweep.beside else _unmeasured(month, sweep)),
        ),
    )


def _unmeasured(month: Monthly, sweep: Sweep) -> str:
    return f"; {month.other_arch} prices are for the durations measured on {sweep.run.facts.arch}"


def _measured_there(each: Sweep) -> Fact:
    """The month on an architecture that was measured and not chosen, at its best size."""
    assert each.monthly is not None
    best = each.monthly.sizes[0]
    return Fact(f"On {each.arch}", money(best.total_usd), f"at {format_memory(best.memory_mb)}")


def month_fact(sweep: Sweep) -> tuple[Fact, ...]:
    """The one figure beside the answer, if there is one."""
    month = sweep.monthly
    if month is None or not month.sizes:
        return ()
    pick = month.sizes[0]
    free = known(pick.free_tier_usd)
    tail = "" if free is None else f"; {money(free)} with the free tier"
    return (Fact("Cost per month", money(pick.total_usd), f"at {month.traffic}{tail}"),)


def _row(size: MonthAtSize, storage: bool) -> Row:
    upfront = known(size.savings_all_upfront_usd)
    cells = (
        Cell(money(size.total_usd)),
        Cell(money(size.requests_usd)),
        Cell(money(size.duration_usd)),
        Cell(money(size.init_usd)),
        *((Cell(money(size.ephemeral_usd)),) if storage else ()),
        Cell(money(size.free_tier_usd)),
        Cell(
            money(size.savings_no_upfront_usd),
            "" if upfront is None else f"all upfront {money(upfront)}",
        ),
        Cell(money(size.other_arch_usd)),
    )
    marks = (size.role,) if size.role in _MARKS else ()
    return Row(format_memory(size.memory_mb), cells, marks)


def _provisioned(month: Monthly) -> tuple[Fact, ...]:
    offer = month.provisioned
    if offer is None:
        return (Fact("Provisioned concurrency", "unknown", "its price is missing"),)
    rule = (
        f"for even traffic; a sandbox pays when it is busy {format_share(offer.break_even)} of the "
        f"time, and the first would be busy {format_share(offer.busy)}"
    )
    return (Fact("Provisioned concurrency", _offer(offer, month), rule),)


def _offer(offer: ProvisionedOffer, month: Monthly) -> str:
    total, alone = known(offer.total_usd), known(month.sizes[0].total_usd) if month.sizes else None
    if not offer.sandboxes or total is None or not alone:
        return f"does not pay below {format_rate(known(offer.pays_from_per_second))}"
    saved = format_share(max(0.0, 1.0 - total / alone))
    return f"{counted(offer.sandboxes, 'sandbox', 'es')} would save {saved}: {money(total)} a month"


def _count(calls: float) -> str:
    """``52.6 million``, ``730,000``, or unknown."""
    number = known(calls)
    if number is None:
        return "unknown"
    return f"{number / 1e6:,.1f} million" if number >= 1e6 else f"{number:,.0f}"
