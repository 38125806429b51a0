"""Calls of a batch: how many, in which order or when, with which payloads.

Warm calls are interleaved, so that drift is no property of a size. Calls that are in flight
together cannot share a sandbox, so a burst of n against a version that nobody has called gives n
cold starts. A load's calls are due as its profile says. Arithmetic with a seeded generator; what is
known of the function decides how many may be in flight, and sending is the session's.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tuner.engine.engine import Batch, BatchPolicy, Call, Mode, Script
from tuner.engine.profiles.profile import Profile
from tuner.engine.stop_on import StopRule
from tuner.records import Backend, FunctionFacts, Purpose, Setting
from tuner.targets.seam import Variant


def interleave(wanted: Mapping[Setting, int], random: Random) -> list[Setting]:
    """The sizes in the order of their calls; each appears as often as wanted.

    Every size is spread over the whole batch: its i-th of n calls falls at a random place within
    the i-th n-th. Neither a slow drift nor a periodic disturbance can favour one of them.
    """
    places = [
        ((number + random.random()) / count, size)
        for size, count in sorted(wanted.items())
        for number in range(count)
    ]
    return [size for _, size in sorted(places)]


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


#: With more, each has too few calls for a curve of its own, and fitting them takes long.
MOST_CLASSES = 12


@dataclass(frozen=True)
class Payload:
    """A request body with its weight among the others, and the name of its class."""

    body: bytes
    weight: float = 1.0
    name: str = ""  # empty: its calls are not told apart from others


def weights_of(payloads: Iterable[Payload]) -> dict[str, float]:
    """Return the weight of each class of payloads; empty unless there are several, but few."""
    weights: dict[str, float] = defaultdict(float)
    for payload in payloads:
        weights[payload.name] += payload.weight
    return dict(weights) if 1 < len(weights) <= MOST_CLASSES else {}


def draw_payloads(payloads: Sequence[Payload], calls: int, random: Random) -> list[int]:
    """Indices for so many calls: each payload as often as its weight says, as evenly as counts
    allow (drawing alone would give sizes different mixes), in random order.
    """
    total = sum(payload.weight for payload in payloads)
    if not payloads or total <= 0:
        raise ValueError("payloads need a positive weight")
    # Systematic sampling: equal steps through the cumulated weights from one random start.
    step, at = total / max(1, calls), random.random() * total / max(1, calls)
    drawn, index, reached = [], 0, payloads[0].weight
    for number in range(calls):
        while at + number * step >= reached and index < len(payloads) - 1:
            index += 1
            reached += payloads[index].weight
        drawn.append(index)
    random.shuffle(drawn)
    return drawn


#: Lambda's longest timeout, and how much longer than its timeout an answer may take: INIT has ten
#: seconds before it starts over within the timeout, and ten are to spare.
_LONGEST_S, _MARGIN_S = 900.0, 20.0
#: Calls in flight at once unless ``--max-concurrency`` says otherwise.
MOST_LANES = 1_000
_FEWEST_LANES = 10
#: A call that no connection was free for for so long after it was due is dropped.
PATIENCE_S = 5.0
#: So many calls of a closed model are drawn, and repeated.
_ROUND = 1_000


def answer_timeout_s(facts: FunctionFacts) -> float:
    """Seconds to wait for an answer: INIT, the function's timeout, and a margin."""
    return (facts.timeout_s or _LONGEST_S) + _MARGIN_S


def concurrency_for(profile: Profile, facts: FunctionFacts, most: int | None) -> int:
    """Return how many calls may be in flight: enough for the peak if each takes until its timeout.

    ``most`` is the user's own limit. Without one, half of the account's concurrency is left to
    other functions, unless this one has concurrency reserved.
    """
    if profile.users:
        return profile.users if most is None else min(profile.users, most)
    if most is not None:
        return most
    peak = profile.peak_per_s or 0.0
    burst = max((p.shape.due_before(1e-6) for p in profile.phases), default=0.0)
    wanted = max(_FEWEST_LANES, math.ceil(peak * (facts.timeout_s or _LONGEST_S)), math.ceil(burst))
    return min(wanted, MOST_LANES, fair_share(facts) or MOST_LANES)


def fair_share(facts: FunctionFacts) -> int | None:
    """Half of the account's concurrency; ``None`` where it is not known or not shared."""
    if facts.account_concurrency is None or facts.reserved_concurrency is not None:
        return None
    return max(1, facts.account_concurrency // 2)


@dataclass(frozen=True)
class Sending:
    """Options for sending calls of any profile: ``retry`` is one of ``engine/retry.py``."""

    concurrency: int
    retry: str = "none"
    mode: Mode = Mode.SYNC
    seed: int = 0
    script: Script | None = None
    expect: tuple[str, ...] = ()  # texts of expectations
    order: str = "random"  # of payloads: or sequential, or unique
    first_call: int = 0  # the number of the first call: several loads of one run go on counting


class Loading:
    """One load's calls. ``start_s``, on the run's clock, is known from the first sample on."""

    def __init__(
        self,
        profile: Profile,
        variants: Sequence[Variant],
        payloads: Sequence[Payload],
        sending: Sending,
    ) -> None:
        """``variants`` share the calls evenly, in an order that changes."""
        self.start_s: float | None = None
        self._profile = profile
        self._variants = variants
        self._payloads = payloads
        self._sending = sending
        self._due: dict[int, float | None] = {}

    def batch(self, facts: FunctionFacts) -> Batch:
        """The batch to send; users of a closed model go round in it until its time is over."""
        profile, sending = self._profile, self._sending
        closed = profile.users > 0
        policy = BatchPolicy(
            retry=sending.retry,
            seed=sending.seed,
            repeat=closed and sending.script is None and sending.order != "unique",
            think_s=profile.think_s,
            cutoff_s=profile.closed_s if closed else None,
            patience_s=None if closed else PATIENCE_S,
            mode=sending.mode,
            script=sending.script,
            expect=sending.expect,
        )
        bodies = tuple(payload.body for payload in self._payloads)
        if closed:
            few = _ROUND if sending.order == "random" else len(self._payloads)
            calls: Iterable[Call] = list(self._calls(itertools.repeat(None, few)))
        else:
            calls = self._calls(profile.due_times(Random(f"{sending.seed}/due")))
        return Batch(calls, bodies, sending.concurrency, 0, answer_timeout_s(facts), policy)

    def began(self, number: int, due_s: float) -> float:
        """Return when the load began, from the first sample: its call's number and moment."""
        if self.start_s is None:
            self.start_s = due_s - (self._due.get(number) or 0.0)
            self._due.clear()
        return self.start_s

    def _calls(self, due_times: Iterable[float | None]) -> Iterator[Call]:
        """Calls in order of their due times, with payloads in their proportions."""
        what = zip(due_times, self._chosen(), self._dealt(), strict=False)
        for number, (due_s, payload, variant) in enumerate(what, self._sending.first_call):
            if self.start_s is None:
                self._due[number] = due_s
            yield Call(number, variant, payload, Purpose.LOAD, due_s)

    def _dealt(self) -> Iterator[Variant]:
        """Variants in turn, each round of them in another order."""
        random, variants = Random(f"{self._sending.seed}/turns"), list(self._variants)
        while True:
            yield from variants if len(variants) == 1 else random.sample(variants, len(variants))

    def _chosen(self) -> Iterator[int]:
        """Indices of payloads: drawn by weight, or in their order."""
        count, first = len(self._payloads), self._sending.first_call
        if self._sending.order == "unique":
            yield from range(first, count)
            return
        if self._sending.order == "sequential":
            yield from (number % count for number in itertools.count(first))
        random = Random(f"{self._sending.seed}/payload")
        weights = list(itertools.accumulate(payload.weight for payload in self._payloads))
        while True:
            yield random.choices(range(len(weights)), cum_weights=weights)[0]


#: A sweep holds its samples, so one size's load ends after so many calls.
MOST_CALLS = 100_000


@dataclass(frozen=True)
class SizeLoad:
    """The load that every size is put under: what is due, how it is sent, when it is cut short."""

    profile: Profile
    sending: Sending
    rules: tuple[StopRule, ...] = ()
