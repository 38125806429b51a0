"""How many calls to send at once to a fresh version, and when to give up on cold starts.

Calls that are in flight together cannot share a sandbox, so a burst of n against a version that
nobody has called gives n cold starts. Pure arithmetic; sending is the session's.
"""

from tuner.records import Backend, FunctionFacts

#: On AWS: enough for one published version to do, and far below any account's concurrency but a
#: new account's 10.
_AWS_BURST = 50
_SPARE = 2  # a burst may take this part of the account's or the function's concurrency


def largest_burst(facts: FunctionFacts, cores: int) -> int:
    """The most simultaneous cold starts that do not disturb each other.

    On this machine, INITs share its cores, and one core has to stay for the service and the
    client. On AWS, the concurrency limits are the bound; half of them belongs to others.
    """
    if facts.backend is Backend.LOCAL:
        return max(1, cores - 1)
    burst = _AWS_BURST
    for limit in (facts.reserved_concurrency, facts.account_concurrency):
        if limit is not None:
            burst = min(burst, limit // _SPARE)
    return max(1, burst)


def most_bursts(wanted: int, burst: int) -> int:
    """Bursts to try before giving up: what is needed, and half as many again plus two."""
    needed = -(-wanted // burst)
    return needed + needed // 2 + 2
