"""A profile becomes one batch: which call is due when, with which payload, with how many at once.

It builds and sends nothing itself; what is known of the function decides how many may be in flight.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tuner.engine.engine import Batch, BatchPolicy, Call, Mode, Script
from tuner.engine.profiles.profile import Profile
from tuner.engine.stop_on import StopRule
from tuner.measure.documents import LoadTerms
from tuner.measure.payloads import Payload
from tuner.records import FunctionFacts, Purpose
from tuner.targets.seam import Variant

_INIT_S = 10.0  # Lambda gives INIT ten seconds before it starts over within the timeout
_MARGIN_S = 10.0
_LONGEST_S = 900.0
#: Calls in flight at once unless ``--max-concurrency`` says otherwise.
MOST_LANES = 1_000
_FEWEST_LANES = 10
#: A call that no connection was free for for so long after it was due is dropped.
PATIENCE_S = 5.0
#: So many calls of a closed model are drawn, and repeated.
_ROUND = 1_000


def answer_timeout_s(facts: FunctionFacts) -> float:
    """How long an answer is waited for: INIT, the function's timeout, and a margin."""
    return (facts.timeout_s or _LONGEST_S) + _INIT_S + _MARGIN_S


def concurrency_for(profile: Profile, facts: FunctionFacts, most: int | None) -> int:
    """How many calls may be in flight: as many as the peak needs if each takes until its timeout.

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
    """How calls are sent, whatever the profile: ``retry`` is one of ``load/policies.py``."""

    concurrency: int
    retry: str = "none"
    mode: Mode = Mode.SYNC
    seed: int = 0
    script: Script | None = None
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
            repeat=closed and sending.script is None,
            think_s=profile.think_s,
            cutoff_s=profile.closed_s if closed else None,
            patience_s=None if closed else PATIENCE_S,
            mode=sending.mode,
            script=sending.script,
        )
        timeout_s = answer_timeout_s(facts)
        bodies = tuple(payload.body for payload in self._payloads)
        calls = list(self._round()) if closed else self._calls()
        return Batch(calls, bodies, sending.concurrency, 0, timeout_s, policy)

    def began(self, number: int, due_s: float) -> float:
        """When the load began, from the first sample: its call's number and moment."""
        if self.start_s is None:
            self.start_s = due_s - (self._due.get(number) or 0.0)
            self._due.clear()
        return self.start_s

    def _calls(self) -> Iterator[Call]:
        """An open model's calls, in order of their due times."""
        due_times = self._profile.due_times(Random(f"{self._sending.seed}/due"))
        what = zip(due_times, self._chosen(), self._dealt(), strict=False)
        for number, (due_s, payload, variant) in enumerate(what, self._sending.first_call):
            if self.start_s is None:
                self._due[number] = due_s
            yield Call(number, variant, payload, Purpose.LOAD, due_s)

    def _round(self) -> Iterator[Call]:
        """A closed model's calls, with payloads in their proportions."""
        first = self._sending.first_call
        numbers = range(first, first + _ROUND)
        for number, payload, variant in zip(numbers, self._chosen(), self._dealt(), strict=False):
            yield Call(number, variant, payload, Purpose.LOAD)

    def _dealt(self) -> Iterator[Variant]:
        """Variants in turn, each round of them in another order."""
        random, variants = Random(f"{self._sending.seed}/turns"), list(self._variants)
        while True:
            yield from variants if len(variants) == 1 else random.sample(variants, len(variants))

    def _chosen(self) -> Iterator[int]:
        """Indices of payloads, drawn by weight."""
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


def terms_of(load: SizeLoad) -> LoadTerms:
    """Return what a load asks, in plain values."""
    profile, closed = load.profile, load.profile.users > 0
    return LoadTerms(
        profile=profile.name,
        about=profile.about,
        arrival=None if closed else profile.arrival,
        peak_rps=profile.peak_per_s,
        users=profile.users or None,
        think_s=profile.think_s if closed else None,
        seconds=profile.duration_s,
        retry=load.sending.retry,
        lanes=load.sending.concurrency,
    )
