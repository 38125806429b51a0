"""The only place where asks become calls, and answers become samples.

It asks the target for variants, builds interleaved batches, sends them through the engine, and
passes the samples on as they end. It chooses nothing, stores nothing and judges no figure.
"""

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from tuner.clock import Clock, WallClock, never
from tuner.engine.batches import (
    Loading,
    Payload,
    answer_timeout_s,
    draw_payloads,
    interleave,
    largest_burst,
    most_bursts,
)
from tuner.engine.engine import Batch, BatchPolicy, Call, Engine
from tuner.errors import TargetError
from tuner.experiment.afterwards import completed, lacks_report
from tuner.measure.failures import Failures, refusal
from tuner.planning.ask import Ask, How
from tuner.planning.budget import Left
from tuner.records import Backend, FunctionFacts, Outcome, Part, Purpose, Sample, Setting
from tuner.store.documents import StartFacts
from tuner.targets.seam import Target, Variant

#: Seconds that calls of a local function, which cost nothing, get to end when the user stops.
_GRACE_S = 2.0

#: Given a sample and whether nothing was answered before it: the error that should end the run.
Judge = Callable[[Sample, bool], TargetError | None]


@dataclass(frozen=True)
class Conditions:
    """Everything that stays the same in every ask of a run.

    ``burst``: simultaneous cold starts, ``None`` to suit the backend. A resumed run goes on with
    the numbers after the last stored call and round. ``deployed`` are parts that are called as
    they are, with nothing made for them; ``judge`` tells refusals of something else than Lambda;
    ``stop`` says that the user wants to end, ``left`` what limits leave when a batch begins.
    """

    payloads: Sequence[Payload] = (Payload(b"{}"),)
    seed: int = 0
    burst: int | None = None
    first_call: int = 0
    first_round: int = 0
    deployed: Mapping[Part, Variant] = field(default_factory=dict)
    judge: Judge | None = None
    stop: Callable[[], bool] = never
    left: Callable[[], Left] = Left


class Session:
    """Measures settings of one target through one engine.

    ``failed`` says which settings could not be made callable, and why; ``started`` how those that
    were prepared for their first calls came up. ``loading`` and ``failures`` are of the last load.
    """

    def __init__(
        self,
        target: Target,
        engine: Engine,
        facts: FunctionFacts,
        conditions: Conditions,
        clock: Clock | None = None,
    ) -> None:
        self.failed: dict[Setting, str] = {}
        self.started: dict[Setting, StartFacts] = {}
        self.loading: Loading | None = None
        self.failures: Failures | None = None
        self._target, self._engine, self._facts = target, engine, facts
        self._conditions = conditions
        self._clock = clock or WallClock()
        self._bodies = tuple(payload.body for payload in conditions.payloads)
        self._judge: Judge = conditions.judge or (lambda s, first: refusal(s, facts, first))
        self._call, self._round = conditions.first_call, conditions.first_round
        self._warmed: set[Variant] = set()
        self._ready: set[Variant] = set()  # those of the latest round
        self._cut = self._stopped = False
        cores = facts.platform.get("cores") or os.cpu_count() or 1
        self.burst = conditions.burst or largest_burst(facts, int(cores))

    @property
    def next_numbers(self) -> tuple[int, int]:
        """The numbers that the next call and the next round will bear."""
        return self._call, self._round

    def run(self, ask: Ask) -> Generator[Sample, None, None]:
        """Send an ask's calls; yield a sample per request as it ends.

        A setting that cannot be made callable is noted in ``failed`` and left out. Raises
        TargetError when the function as a whole cannot be invoked.
        """
        self._cut = False
        send = {How.WARM: self._warm, How.COLD: self._cold, How.FIRST: self._first}
        yield from self._load(ask) if ask.how is How.LOAD else send[ask.how](ask.counts)

    def cut(self) -> None:
        """End the running ask: its iterator ends after what is in flight."""
        self._cut = True
        self._engine.stop()

    def stop(self) -> None:
        """Send nothing more, for good."""
        self._stopped = True
        self.cut()

    @property
    def _over(self) -> bool:
        return self._cut or self._stopped or self._conditions.stop()

    def _warm(self, counts: Mapping[Setting, int]) -> Iterator[Sample]:
        """One interleaved round; what was not called before is called once more, first.

        That sample is of purpose warm-up. A warm call that met a cold start is passed on as it is.
        """
        if self._target.one_at_a_time and len(counts) > 1:
            for setting, count in counts.items():
                yield from self._warm({setting: count})
            return
        random = self._random()
        variants = self._variants(setting for setting, n in counts.items() if n > 0)
        if self._target.one_at_a_time:
            self._warmed &= self._ready
        self._ready = set(variants.values())
        new = [variant for variant in variants.values() if variant not in self._warmed]
        if new and self._target.endpoint() is not None:  # a recording has nothing to warm up
            yield from self._send(self._batch(new, Purpose.WARM_UP, 1, random))
        self._warmed.update(new)
        order = interleave({setting: counts[setting] for setting in variants}, random)
        calls = [variants[setting] for setting in order]
        yield from self._send(self._batch(calls, Purpose.WARM, 1, random))
        self._round += 1

    def _cold(self, counts: Mapping[Setting, int]) -> Iterator[Sample]:
        """Force cold starts, settings in turn.

        Every request is passed on, also one that started no sandbox; its ``cold`` is false. Gives
        up on a setting whose calls start no sandbox, or fail.
        """
        random = self._random()
        left = {setting: n for setting, n in sorted(counts.items()) if n > 0}
        tries = {setting: most_bursts(n, self.burst) for setting, n in left.items()}
        while left and not self._over:
            one = self._target.one_at_a_time
            fresh = {} if one else self._variants(left, fresh=True)
            for setting in random.sample(sorted(left), len(left)):
                begun = 0
                if one:
                    fresh = self._variants([setting], fresh=True)
                if setting in fresh:
                    calls = [fresh[setting]] * min(left[setting], self.burst)
                    for sample in self._send(self._batch(calls, Purpose.COLD, len(calls), random)):
                        begun += sample.cold
                        yield sample
                left[setting] -= begun
                tries[setting] -= 1
                if left[setting] <= 0 or tries[setting] <= 0 or begun == 0:
                    del left[setting]
            # What ran once is warm now, should the target hand the same version out again.
            self._warmed.update(fresh.values())
            self._round += 1

    def _first(self, counts: Mapping[Setting, int]) -> Iterator[Sample]:
        """Call each start that is made for it at once (as far as this machine can), then as often
        one after another; what is paid by the hour is given up right after."""
        for setting, count in counts.items():
            began_s, ready_s, random = self._clock.monotonic(), None, self._random()
            made = self._variants([setting])
            try:
                if setting in made:
                    ready_s = self._clock.monotonic() - began_s
                    calls = [made[setting]] * count
                    concurrency = min(count, self.burst)
                    yield from self._send(self._batch(calls, Purpose.COLD, concurrency, random))
                    yield from self._send(self._batch(calls, Purpose.WARM, 1, random))
            finally:
                if setting.provisioned and setting in made:
                    self._target.release(made[setting])
                paid_s = self._clock.monotonic() - began_s if setting.provisioned else None
                note = self.failed.get(setting)
                self.started[setting] = StartFacts(setting, ready_s, paid_s, note)
            self._round += 1

    def _load(self, ask: Ask) -> Iterator[Sample]:
        """Send a load as a round of its own, after the calls that warm its settings up."""
        assert ask.load is not None
        self.loading = self.failures = None
        if ask.alone:
            yield from self._warm({each.alone: ask.alone for each in ask.counts})
        variants = self._variants(ask.counts)
        if self._over or len(variants) < len(ask.counts):
            return
        sending = replace(ask.load.sending, first_call=self._call)
        payloads = self._conditions.payloads
        loading = Loading(ask.load.profile, [*variants.values()], payloads, sending)
        failures = Failures(self._judge)
        self.loading, self.failures = loading, failures
        batch = self._ending(replace(loading.batch(self._facts), round=self._round))
        for sample in map(self._classed, failures.survived(self._engine.run(batch))):
            self._call = max(self._call, sample.call + 1)
            loading.began(sample.call, sample.due_s)
            yield sample
            failures.hear(sample)
            if failures.note is not None and not self._cut:
                self.cut()
        self._round += 1

    def _variants(self, settings: Iterable[Setting], fresh: bool = False) -> dict[Setting, Variant]:
        """Settings with their variants; one that cannot be had is noted and left out."""
        if self._over:
            return {}
        asked, deployed = sorted(settings), self._conditions.deployed
        found = {
            each: replace(deployed[each.part], setting=each)
            for each in asked
            if each.part in deployed
        }
        rest = [each for each in asked if each not in found]
        made = self._target.prepare(rest, fresh=fresh, stop=lambda: self._over) if rest else {}
        for setting, variant in made.items():
            if isinstance(variant, TargetError):
                self.failed[setting.alone] = variant.reason
            else:
                found[setting] = variant
        return dict(sorted(found.items()))

    def _batch(
        self, variants: Sequence[Variant], purpose: Purpose, concurrency: int, random: Random
    ) -> Batch:
        """As many of these calls as limits leave; each variant has payloads in proportion."""
        left, payloads = self._conditions.left(), self._conditions.payloads
        variants = variants[: left.invocations]
        drawn = {
            variant: iter(draw_payloads(payloads, count, random))
            for variant, count in Counter(variants).items()
        }
        calls = tuple(
            Call(number, variant, next(drawn[variant]), purpose)
            for number, variant in enumerate(variants, self._call)
        )
        self._call += len(calls)
        policy, patience_s = BatchPolicy(cutoff_s=left.seconds), answer_timeout_s(self._facts)
        batch = Batch(calls, self._bodies, concurrency, self._round, patience_s, policy)
        return self._ending(batch)

    def _ending(self, batch: Batch) -> Batch:
        """The batch, which ends when the user wants to; a local function may run for ever then."""
        local = self._facts.backend is Backend.LOCAL
        return replace(batch, stop=self._conditions.stop, grace_s=_GRACE_S if local else None)

    def _send(self, batch: Batch) -> Iterator[Sample]:
        if self._over or not batch.calls:
            return
        first_contact = next(iter(batch.calls)).number == self._conditions.first_call
        refused: TargetError | None = None
        late: list[Sample] = []
        for sample in map(self._classed, self._engine.run(batch)):
            if lacks_report(sample):
                late.append(sample)
            else:
                yield sample
            if refused is None and sample.outcome is not Outcome.OK:
                refused = self._judge(sample, first_contact)
                if refused is not None:
                    self._engine.stop()
        for sample in completed(late, self._target):
            if refused is None and sample.outcome is not Outcome.OK:
                refused = self._judge(sample, first_contact)
            yield sample
        if refused is not None:
            raise refused

    def _classed(self, sample: Sample) -> Sample:
        """The sample with the class of the payload that was sent."""
        name = "" if sample.payload is None else self._conditions.payloads[sample.payload].name
        setting = sample.setting._replace(payload_class=name)
        return replace(sample, setting=setting) if name else sample

    def _random(self) -> Random:
        """Chance for one round: a resumed run's rounds do not repeat the earlier ones."""
        return Random(f"{self._conditions.seed}/{self._round}")
