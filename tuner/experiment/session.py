"""One run's measuring: wishes for warm and cold samples become batches, and batches samples.

It asks the target for variants, builds interleaved batches, sends them through the engine, and
passes the samples on as they end. It chooses no size, stores nothing and judges no figure.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from tuner.engine.engine import Batch, Call, Engine
from tuner.errors import TargetError
from tuner.measure.cold import largest_burst, most_bursts
from tuner.measure.late_reports import completed, lacks_report
from tuner.measure.loading import Loading
from tuner.measure.payloads import Payload, draw_payloads
from tuner.measure.refusal import refusal
from tuner.measure.warm import interleave
from tuner.records import FunctionFacts, Outcome, Purpose, Sample, Setting
from tuner.targets.seam import Target, Variant

_INIT_S = 10.0  # Lambda gives INIT ten seconds before it starts over within the timeout
_MARGIN_S = 10.0
_LONGEST_S = 900.0


@dataclass(frozen=True)
class Conditions:
    """What stays the same in every batch of a run.

    ``concurrency``: warm calls in flight at once. ``burst``: simultaneous cold starts, ``None``
    to suit the backend. A resumed run goes on with the numbers after the last stored call and
    round.
    """

    payloads: Sequence[Payload] = (Payload(b"{}"),)
    seed: int = 0
    concurrency: int = 1
    burst: int | None = None
    first_call: int = 0
    first_round: int = 0


class Session:
    """Measures one function. ``failed`` says which settings could not be made callable, and why."""

    def __init__(
        self, target: Target, engine: Engine, facts: FunctionFacts, conditions: Conditions
    ) -> None:
        self.failed: dict[Setting, str] = {}
        self._target = target
        self._engine = engine
        self._facts = facts
        self._conditions = conditions
        self._bodies = tuple(payload.body for payload in conditions.payloads)
        self._call = conditions.first_call
        self._round = conditions.first_round
        self._warmed: set[Variant] = set()
        self._ready: set[Variant] = set()  # those of the latest round
        self._stopped = False
        cores = facts.platform.get("cores") or os.cpu_count() or 1
        self._burst = conditions.burst or largest_burst(facts, int(cores))

    @property
    def calls(self) -> int:
        """The number that the next call will bear: how many were made since call 0."""
        return self._call

    def stop(self) -> None:
        """Send nothing more; iterators end after what is in flight. For good."""
        self._stopped = True
        self._engine.stop()

    def warm(self, wanted: Mapping[Setting, int]) -> Iterator[Sample]:
        """Send ``wanted[size]`` calls to each size, interleaved, as one round.

        A size that was not called before is called once more, first; that sample is of purpose
        warm-up. A warm call that met a cold start is passed on as it is. A size that cannot be
        made callable is noted in ``failed`` and left out. Raises TargetError when the function
        as a whole cannot be invoked.
        """
        if self._target.one_at_a_time and len(wanted) > 1:
            for size, count in wanted.items():
                yield from self.warm({size: count})
            return
        random = self._random()
        variants = self._variants(size for size, n in wanted.items() if n > 0)
        if self._target.one_at_a_time:
            self._warmed &= self._ready
        self._ready = set(variants.values())
        new = [variant for variant in variants.values() if variant not in self._warmed]
        if new and self._target.endpoint() is not None:  # a recording has nothing to warm up
            yield from self._send(self._batch(new, Purpose.WARM_UP, 1, random))
        self._warmed.update(new)
        order = interleave({size: wanted[size] for size in variants}, random)
        calls = [variants[size] for size in order]
        yield from self._send(
            self._batch(calls, Purpose.WARM, self._conditions.concurrency, random)
        )
        self._round += 1

    def cold(self, wanted: Mapping[Setting, int]) -> Iterator[Sample]:
        """Force ``wanted[size]`` cold starts of each size, sizes in turn.

        Every request is passed on, also one that started no sandbox; its ``cold`` is false. Gives
        up on a size whose calls start no sandbox, or fail. Raises TargetError as :meth:`warm`.
        """
        random = self._random()
        left = {size: n for size, n in sorted(wanted.items()) if n > 0}
        tries = {size: most_bursts(n, self._burst) for size, n in left.items()}
        while left and not self._stopped:
            one = self._target.one_at_a_time
            fresh = {} if one else self._variants(left, fresh=True)
            for size in random.sample(sorted(left), len(left)):
                begun = 0
                if one:
                    fresh = self._variants([size], fresh=True)
                if size in fresh:
                    calls = [fresh[size]] * min(left[size], self._burst)
                    for sample in self._send(self._batch(calls, Purpose.COLD, len(calls), random)):
                        begun += sample.cold
                        yield sample
                left[size] -= begun
                tries[size] -= 1
                if left[size] <= 0 or tries[size] <= 0 or begun == 0:
                    del left[size]
            # What ran once is warm now, should the target hand the same version out again.
            self._warmed.update(fresh.values())
            self._round += 1

    @property
    def burst(self) -> int:
        """How many cold starts at once do not disturb each other."""
        return self._burst

    def first_calls(self, variant: Variant, count: int) -> Iterator[Sample]:
        """Call a variant that nobody has called ``count`` times at once (as far as this machine
        can), then as often again, one after another. Raises TargetError as :meth:`warm`."""
        random, calls = self._random(), [variant] * count
        concurrency = min(count, self._burst)
        yield from self._send(self._batch(calls, Purpose.COLD, concurrency, random))
        yield from self._send(self._batch(calls, Purpose.WARM, 1, random))
        self._round += 1

    def ready(self, size: Setting) -> Variant | None:
        """The size, callable now; ``None`` if it cannot be made so, which ``failed`` tells."""
        return self._variants([size]).get(size)

    def load(self, loading: Loading) -> Iterator[Sample]:
        """Send a load as a round of its own; its calls are numbered from :attr:`calls` on.

        Raises TargetError as :meth:`warm`.
        """
        if self._stopped:
            return
        batch = replace(loading.batch(self._facts), round=self._round)
        for sample in self._engine.run(batch):
            self._call = max(self._call, sample.call + 1)
            yield sample
            if sample.outcome is not Outcome.OK:
                refused = refusal(sample, self._facts, first_contact=False)
                if refused is not None:
                    raise refused
        self._round += 1

    def _variants(self, sizes: Iterable[Setting], fresh: bool = False) -> dict[Setting, Variant]:
        """Sizes with their variants; one that cannot be had is noted and left out."""
        if self._stopped:
            return {}
        found = {}
        for size, made in self._target.prepare(sorted(sizes), fresh=fresh).items():
            if isinstance(made, TargetError):
                self.failed[size] = made.reason
            else:
                found[size] = made
        return found

    def _batch(
        self, variants: Sequence[Variant], purpose: Purpose, concurrency: int, random: Random
    ) -> Batch:
        payloads = draw_payloads(self._conditions.payloads, len(variants), random)
        calls = tuple(
            Call(self._call + index, variant, payload, purpose)
            for index, (variant, payload) in enumerate(zip(variants, payloads, strict=True))
        )
        self._call += len(calls)
        timeout_s = (self._facts.timeout_s or _LONGEST_S) + _INIT_S + _MARGIN_S
        return Batch(calls, self._bodies, concurrency, self._round, timeout_s)

    def _send(self, batch: Batch) -> Iterator[Sample]:
        if self._stopped or not batch.calls:
            return
        first_contact = next(iter(batch.calls)).number == self._conditions.first_call
        refused: TargetError | None = None
        late: list[Sample] = []
        for sample in self._engine.run(batch):
            if lacks_report(sample):
                late.append(sample)
            else:
                yield sample
            if refused is None and sample.outcome is not Outcome.OK:
                refused = refusal(sample, self._facts, first_contact)
                if refused is not None:
                    self._engine.stop()
        yield from completed(late, self._target)
        if refused is not None:
            raise refused

    def _random(self) -> Random:
        """Chance for one round: a resumed run's rounds do not repeat the earlier ones."""
        return Random(f"{self._conditions.seed}/{self._round}")
