"""The work of a sweep: invocations, sizes and versions, from fewest to most.

Follows the plans of ``adaptive.py`` and ``grid.py`` and the sampler of cold starts: between the
two ends lies what they do, whatever the function turns out to be. Counting only.

The calls of Lambda's control plane are those of ``tuner.targets.aws`` in each way of isolation. AWS
allows 15 of them a second for a whole account (GetFunction has 100 of its own).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tuner.planning.adaptive import Adaptive


@dataclass(frozen=True)
class Range:
    """From least to most."""

    low: float
    high: float

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.high + other.high)

    def __mul__(self, other: "Range") -> "Range":
        return Range(self.low * other.low, self.high * other.high)

    @property
    def middle(self) -> float:
        """Halfway."""
        return (self.low + self.high) / 2.0

    def holds(self, value: float) -> bool:
        """Tell if the value is inside, ends included."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class ColdWork:
    """Cold starts: how many at each size, and how many at once (``burst``)."""

    each: int
    burst: int = 1
    limited: bool = False  # a budget may leave nothing for them


@dataclass(frozen=True)
class LoadWork:
    """Loads on sizes one after another: how many sizes, calls of each, and seconds of each."""

    sizes: Range
    calls: Range
    seconds: float
    alone: int = 3  # the most calls that a size gets before its load


@dataclass(frozen=True)
class Work:
    """A sweep in numbers.

    ``warm`` are requests to sizes that run (warm-ups included, one per size in ``sizes``),
    ``cold`` those that force a cold start; ``versions`` are made for both, in so many ``batches``.
    ``load`` are requests of loads, which overlap and take ``load_s`` seconds in all. Within
    ``warm``, so many are ``usual``.
    """

    first_mb: tuple[int, ...]  # asked in any case, each ``first`` times
    first: int
    warm: Range
    sizes: Range
    cold: Range
    versions: Range
    batches: Range
    load: Range = Range(0, 0)
    load_s: Range = Range(0, 0)
    usual: float = 0.0

    def __add__(self, other: "Work") -> "Work":
        """Both in one run; what is asked in any case is asked of each."""
        return replace(
            self,
            warm=self.warm + other.warm,
            sizes=self.sizes + other.sizes,
            cold=self.cold + other.cold,
            versions=self.versions + other.versions,
            batches=self.batches + other.batches,
            load=self.load + other.load,
            load_s=self.load_s + other.load_s,
            usual=self.usual + other.usual,
        )

    @property
    def cold_versions(self) -> float:
        """Versions that are usually made for cold starts."""
        return max(0.0, self.versions.middle - self.sizes.middle)

    @property
    def alone(self) -> Range:
        """Invocations that are made one after another."""
        return self.warm + self.cold

    @property
    def requests(self) -> Range:
        """All invocations."""
        return self.alone + self.load


@dataclass(frozen=True)
class ConfirmWork:
    """The most that confirming the pick takes: rounds, requests, and sizes not called before; and
    the requests that it usually takes."""

    rounds: int
    calls: int
    sizes: int
    usual: int


def with_confirmation(work: Work, most: ConfirmWork) -> Work:
    """The work, with the pick confirmed after it; the calls before may be enough already."""
    sizes = Range(0, most.sizes)
    return replace(
        work,
        warm=work.warm + Range(0, most.calls + most.sizes),
        sizes=work.sizes + sizes,
        versions=work.versions + sizes,
        batches=work.batches + Range(0, most.rounds),
        usual=work.usual + most.usual,
    )


def with_loads(work: Work, loads: LoadWork, most: int | None = None) -> Work:
    """The work, with loads on some sizes after it, of ``most`` requests in all.

    A size may be a new one, which is warmed.
    """
    sizes, requests = loads.sizes, loads.sizes * loads.calls
    if most is not None:
        requests = Range(min(requests.low, most), min(requests.high, most))
    return replace(
        work,
        warm=work.warm + sizes * Range(1, loads.alone + 1),
        sizes=work.sizes + Range(0, sizes.high),
        versions=work.versions + Range(0, sizes.high),
        batches=work.batches + sizes * Range(1, 2),
        usual=work.usual + (sizes * Range(1, loads.alone + 1)).middle,
        load=requests,
        load_s=sizes * Range(loads.seconds, loads.seconds),
    )


#: So often an adaptive sweep usually asks after its beginning, each time of a new size.
_USUAL_ASKS = 3


def adaptive_work(
    start_mb: tuple[int, ...], candidates: int, most: int, cold: ColdWork, plan: Adaptive
) -> Work:
    """The adaptive plan: ``start_mb`` first, then up to ``most`` requests over the candidates."""
    begun = min(most, len(start_mb) * (plan.start_repeats + 1))
    asks = -(-max(0, most - begun) // plan.repeats)
    sizes = Range(len(start_mb), min(candidates, len(start_mb) + asks))
    # The last ask may be of a new size, whose warm-up call is above the limit.
    warm = Range(min(most, plan.least), max(begun, most + 1))
    cold_requests, cold_versions, cold_rounds = _cold(cold, candidates)
    return Work(
        start_mb,
        min(plan.start_repeats, max(1, most)),
        warm,
        sizes,
        cold_requests,
        sizes + cold_versions,
        Range(1, 1 + sizes.high - sizes.low) + cold_rounds,
        usual=min(warm.high, begun + _USUAL_ASKS * (plan.repeats + 1)),
    )


def grid_work(sizes_mb: tuple[int, ...], samples: int, most: int | None, cold: ColdWork) -> Work:
    """The grid: every size ``samples`` times and once to warm up, unless the limit comes first."""
    full = len(sizes_mb) * (samples + 1)
    fewest = full if most is None else min(most, full)
    warm = Range(fewest, full if most is None else min(full, most + len(sizes_mb)))
    cold_requests, cold_versions, cold_rounds = _cold(cold, len(sizes_mb))
    made = Range(min(len(sizes_mb), warm.low), len(sizes_mb))
    asked = sizes_mb[: int(made.low)]
    return Work(
        asked,
        min(samples, int(warm.low) // max(1, len(asked))),
        warm,
        made,
        cold_requests,
        made + cold_versions,
        Range(1, 1) + cold_rounds,
        usual=warm.middle,
    )


def cold_work(sizes_mb: tuple[int, ...], cold: ColdWork) -> Work:
    """Cold starts at every size, and nothing else."""
    requests, versions, rounds = _forced(cold, Range(len(sizes_mb), len(sizes_mb)))
    none = Range(0, 0)
    return Work((), 0, none, none, requests, versions, rounds)


def _cold(wish: ColdWork, candidates: int) -> tuple[Range, Range, Range]:
    """Requests, fresh versions and rounds of a sweep's cold starts.

    They are forced at both ends and at the pick, which may be one of the ends.
    """
    return _forced(wish, Range(min(2, candidates), min(3, candidates)))


def _forced(wish: ColdWork, sizes: Range) -> tuple[Range, Range, Range]:
    """Requests, fresh versions and rounds of cold starts at so many sizes.

    A call of a size may have started cold already; one that starts no sandbox is tried again, up to
    a half more.
    """
    if wish.each == 0:
        return Range(0, 0), Range(0, 0), Range(0, 0)
    least = 0 if wish.limited else max(0, wish.each - 2)
    bursts = -(-wish.each // wish.burst)
    tries = bursts + bursts // 2 + 2
    rounds = Range(-(-least // wish.burst), tries)
    requests = Range(least, tries * min(wish.each, wish.burst))
    return sizes * requests, sizes * rounds, rounds


_PAGE = 50  # versions in one answer of ListVersionsByFunction
_ONCE = Range(1, 1)
#: GetFunction is asked until a change has settled.
_LOOKS = Range(1, 12)
#: They say on the function which run is changing it.
_TAGS = {"TagResource": _ONCE, "UntagResource": _ONCE}


def version_calls(work: Work, alias: bool) -> Mapping[str, Range]:
    """Isolation by versions: per version one update and one publication, put back per batch; the
    version of the function's own size may be published from what was put back."""
    updates = work.versions + Range(0, work.batches.high)
    return {
        "GetFunction": Range(2, 4) + updates * _LOOKS,
        **({"GetAlias": _ONCE} if alias else {}),
        "GetAccountSettings": _ONCE,
        "UpdateFunctionConfiguration": updates,
        "PublishVersion": work.versions,
        "ListVersionsByFunction": Range(1, 2 + work.versions.high // _PAGE),
        "DeleteFunction": work.versions,
        **_TAGS,
    }


def clone_calls(work: Work, alias: bool) -> Mapping[str, Range]:
    """Isolation by clone: the same on a copy, which is made first and deleted whole."""
    calls = dict(version_calls(work, alias))
    for name in ("ListVersionsByFunction", *_TAGS):
        del calls[name]
    return {
        **calls,
        "GetFunction": calls["GetFunction"] + Range(2, 40),
        "CreateFunction": _ONCE,
        "DeleteFunction": _ONCE,
    }


def in_place_calls(work: Work, alias: bool) -> Mapping[str, Range]:
    """In place: one update whenever another size's turn comes, and one at the end."""
    updates = work.versions + _ONCE
    return {
        "GetFunction": Range(3, 4) + updates * _LOOKS,
        **({"GetAlias": _ONCE} if alias else {}),
        "GetAccountSettings": _ONCE,
        "UpdateFunctionConfiguration": Range(updates.low, updates.high + work.requests.high),
        **_TAGS,
    }
