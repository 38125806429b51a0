"""Risks of a sweep, told beforehand from the function's facts.

Facts and sizes in, advice out; each ends in what to do. Whether it happens is not known here.
"""

from tuner.billing.prices import Prices
from tuner.records import Advice, FunctionFacts

#: New accounts may use only this much memory, which no quota shows (seen 2022 to 2025).
NEW_ACCOUNT_MB = 3008
_TIGHT_CONCURRENCY = 10


def risks(
    facts: FunctionFacts, sizes_mb: tuple[int, int], prices: Prices, versions: float
) -> tuple[Advice, ...]:
    """Everything worth a thought before the first invocation. ``sizes_mb``: smallest, largest;
    ``versions``: the most that may be published."""
    return (
        Advice(
            "side-effects",
            "Every invocation is real: what the function writes, sends or charges happens as "
            "often as it is invoked. Choose a payload that may be repeated.",
        ),
        *_time(facts, sizes_mb[0]),
        *_memory(sizes_mb[1]),
        *_concurrency(facts),
        *_snap_start(facts, prices, versions),
        *hidden_report(facts),
    )


def hidden_report(facts: FunctionFacts) -> tuple[Advice, ...]:
    """The log settings under which Lambda may leave out the REPORT of a success."""
    if facts.log_format != "JSON" or facts.system_log_level not in ("WARN", "ERROR"):
        return ()
    text = (
        f"The function logs JSON with SystemLogLevel {facts.system_log_level}, which hides REPORT, "
        "the only source of durations. Set SystemLogLevel to INFO."
    )
    return (Advice("report-hidden", text),)


def _time(facts: FunctionFacts, smallest_mb: int) -> tuple[Advice, ...]:
    if facts.timeout_s is None or facts.memory_mb is None or smallest_mb >= facts.memory_mb:
        return ()
    slower = facts.memory_mb / smallest_mb
    text = (
        f"At {smallest_mb} MB computing takes up to {slower:.1f} times as long as at "
        f"{facts.memory_mb} MB; what then exceeds the timeout of {facts.timeout_s:g} s counts as "
        "failed. Start with a larger size or raise the timeout."
    )
    return (Advice("timeout", text),) if slower >= 2 else ()


def _memory(largest_mb: int) -> tuple[Advice, ...]:
    if largest_mb <= NEW_ACCOUNT_MB:
        return ()
    text = (
        f"New accounts may use only {NEW_ACCOUNT_MB:,} MB; sizes above are then left out. "
        "AWS Support raises it."
    )
    return (Advice("memory-cap", text),)


def _concurrency(facts: FunctionFacts) -> tuple[Advice, ...]:
    found = []
    reserved, account = facts.reserved_concurrency, facts.account_concurrency
    if reserved == 0:
        text = "Reserved concurrency is 0: every invocation is throttled. Raise it first."
        found.append(Advice("reserved-zero", text))
    elif reserved is not None:
        text = (
            f"The function's reserved concurrency of {reserved} is shared with its production "
            "traffic, which the measurement can throttle. Measure when there is little."
        )
        found.append(Advice("reserved", text))
    if account is not None and account <= _TIGHT_CONCURRENCY:
        text = (
            f"The account may run only {account} invocations at once; cold starts are forced a "
            "few at a time. Ask AWS for more concurrency."
        )
        found.append(Advice("account-concurrency", text))
    return tuple(found)


def _snap_start(facts: FunctionFacts, prices: Prices, versions: float) -> tuple[Advice, ...]:
    if not facts.snap_start:
        return ()
    per = prices.snap_start_cache_gb_second_usd
    money = "" if per is None else f" (up to ${versions * 3 * 3600 * per:.2f} per GB of memory)"
    text = (
        "SnapStart: each version takes minutes to publish, and for Python and .NET AWS bills "
        f"three hours of keeping it{money}. Measure few sizes with --method grid."
    )
    return (Advice("snap-start", text),)
