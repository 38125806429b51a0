"""Calls a case's functions in turn, and sorts what comes back by function and size.

Within a round every function is called as often as every other, each time in another order, so
that whatever the machine or platform does to one it does to all. It judges and stores nothing.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from tuner.engine.engine import Batch, Call, Engine
from tuner.errors import TargetError
from tuner.measure.cold import largest_burst
from tuner.measure.late_reports import completed, lacks_report
from tuner.measure.loading import Loading, SizeLoad
from tuner.measure.payloads import Payload, draw_payloads
from tuner.measure.refusal import refusal
from tuner.records import Outcome, Purpose, Sample
from tuner.suites.members import Member, Members, Role
from tuner.targets.seam import Progress, Variant

#: Calls of each function at each size in a round: few enough that a round is short beside the
#: drift of a machine, many enough that a batch is worth its start.
ROUND = 4
_MARGIN_S = 20.0  # INIT gets ten seconds before it counts as the function's time; ten to spare
_LONGEST_S = 900.0

#: One function at one size (MB).
Key = tuple[Role, int]


@dataclass(frozen=True)
class Habits:
    """What stays the same in a case: payloads, chance, who hears of samples and of what is being
    done, whether to stop. ``arrived`` hears of each call at once, ``heard`` of a whole batch of a
    function, when all is known of it."""

    payloads: Sequence[Payload]
    seed: int
    heard: Callable[[Role, Sequence[Sample]], None]
    stop: Callable[[], bool]
    progress: Progress = lambda _text: None
    arrived: Callable[[Sample], None] = lambda _sample: None


class Lab:
    """One run of a case. ``samples`` holds everything but warm-up calls; ``failed`` says which
    sizes could not be made callable on every function, and why."""

    def __init__(self, members: Members, habits: Habits, first: tuple[int, int] = (0, 0)) -> None:
        self.samples: dict[Key, list[Sample]] = {}
        self.failed: dict[int, str] = {}
        self._members = {m.role: m for m in members.all}
        self._habits = habits
        self._call, self._round = first
        self._bodies = tuple(p.body for p in habits.payloads)
        self._variants: dict[Key, Variant] = {}

    @property
    def next(self) -> tuple[int, int]:
        """The numbers that the next call and round will bear."""
        return self._call, self._round

    @property
    def stopped(self) -> bool:
        """Whether to end: the user has asked for it, or a limit is reached."""
        return self._habits.stop()

    def prepare(self, sizes_mb: Sequence[int], *, fresh: bool = False) -> tuple[int, ...]:
        """Make sizes callable on every function and call each once; gives those that are."""
        found = self._made(sizes_mb, fresh)
        self._variants.update(found)
        random = self._random()
        live = [key for key in found if self._member(key).target.endpoint() is not None]
        calls = self._calls(random.sample(live, len(live)), Purpose.WARM_UP, random, found)
        self._send(calls, 1)
        self._round += 1
        self._habits.progress(f"calling {_listed(self._members)} in turn")
        return tuple(size for size in sizes_mb if size not in self.failed)

    @property
    def together(self) -> bool:
        """Whether all are called in one batch, so that rounds say what happened to all."""
        return len({id(m.engine) for m in self._members.values()}) == 1

    def warm(self, sizes_mb: Sequence[int], count: int) -> None:
        """Call every function ``count`` times at each size, in rounds."""
        self._rounds([key for key in self._variants if key[1] in sizes_mb], count)

    def control(self, sizes_mb: Sequence[int], count: int) -> None:
        """Call the control alone, where there is one."""
        keys = [key for key in self._variants if key[1] in sizes_mb]
        self._rounds([key for key in keys if key[0] is Role.CONTROL], count)

    def _rounds(self, keys: Sequence[Key], count: int) -> None:
        for begun in range(0, count, ROUND):
            if self.stopped:
                return
            random = self._random()
            order = [
                key
                for _ in range(min(ROUND, count - begun))
                for key in random.sample(keys, len(keys))
            ]
            self._send(self._calls(order, Purpose.WARM, random, self._variants), 1)
            self._round += 1

    def cold(self, sizes_mb: Sequence[int], count: int) -> None:
        """Start every function ``count`` times cold at each size, in rounds of one burst."""
        left = count
        if left > 0:
            self._habits.progress(f"starting {_listed(self._members)} cold")
        while left > 0 and not self.stopped:
            random = self._random()
            fresh = self._made(sizes_mb, fresh=True)
            burst = min(left, *(self._burst(key) for key in fresh)) if fresh else left
            for key in random.sample(list(fresh), len(fresh)):
                self._send(self._calls([key] * burst, Purpose.COLD, random, fresh), burst)
            left -= burst
            self._round += 1

    def load(self, size_mb: int, load: SizeLoad) -> None:
        """Put candidate and counterpart under one load whose calls they share evenly."""
        keys = [k for k in self._variants if k[1] == size_mb and k[0] is not Role.CONTROL]
        after = self._members[Role.AFTER]
        sending = replace(load.sending, first_call=self._call)
        loading = Loading(load.profile, self._variants[keys[0]], self._habits.payloads, sending)
        batch = replace(loading.batch(after.facts), round=self._round)
        shared = _Shared(batch, {k: self._variants[k] for k in keys}, self._call, self._random())
        self._run(shared.batch, after.engine, shared.key)
        self._round += 1

    def _made(self, sizes_mb: Sequence[int], fresh: bool) -> dict[Key, Variant]:
        found: dict[Key, Variant] = {}
        for role, member in self._members.items():
            for size, made in member.variants(sizes_mb, fresh=fresh).items():
                if isinstance(made, TargetError):
                    self.failed[size] = made.reason
                else:
                    found[role, size] = made
        return {key: variant for key, variant in found.items() if key[1] not in self.failed}

    def _calls(
        self,
        order: Sequence[Key],
        purpose: Purpose,
        random: Random,
        variants: Mapping[Key, Variant],
    ) -> list[tuple[Key, Call]]:
        payloads = draw_payloads(self._habits.payloads, len(order), random) if order else []
        calls = [
            (key, Call(self._call + index, variants[key], payload, purpose))
            for index, (key, payload) in enumerate(zip(order, payloads, strict=True))
        ]
        self._call += len(calls)
        return calls

    def _send(self, calls: Sequence[tuple[Key, Call]], concurrency: int) -> None:
        """Send calls through one engine, or each function's own where recordings answer."""
        engines = {id(m.engine): m.engine for m in self._members.values()}
        for engine in engines.values():
            own = [(k, c) for k, c in calls if self._member(k).engine is engine]
            if own and not self.stopped:
                facts = self._members[Role.AFTER].facts
                timeout_s = (facts.timeout_s or _LONGEST_S) + _MARGIN_S
                keys = {call.number: key for key, call in own}
                batch = Batch(
                    [c for _, c in own], self._bodies, concurrency, self._round, timeout_s
                )
                self._run(batch, engine, keys.__getitem__)

    def _run(self, batch: Batch, engine: Engine, key_of: Callable[[int], Key]) -> None:
        """Send one batch; ``key_of`` a call's number is whom it was for."""
        found: dict[Key, list[Sample]] = {}
        refused: TargetError | None = None
        for sample in engine.run(batch):
            self._call = max(self._call, sample.call + 1)
            self._habits.arrived(sample)
            key = key_of(sample.call)
            found.setdefault(key, []).append(sample)
            if refused is None and sample.outcome is not Outcome.OK:
                first = not any(self.samples.values())
                refused = refusal(sample, self._member(key).facts, first)
                if refused is not None:
                    engine.stop()
            if self.stopped:
                engine.stop()
        for key, samples in found.items():
            self._keep(key, samples)
        if refused is not None:
            raise refused

    def _keep(self, key: Key, samples: Sequence[Sample]) -> None:
        late = [s for s in samples if lacks_report(s)]
        if late:
            known = {s.call: s for s in completed(late, self._member(key).target)}
            samples = [known.get(s.call, s) if lacks_report(s) else s for s in samples]
        self._habits.heard(key[0], samples)
        kept = [s for s in samples if s.purpose is not Purpose.WARM_UP]
        self.samples.setdefault(key, []).extend(kept)

    def _burst(self, key: Key) -> int:
        facts = self._member(key).facts
        return largest_burst(facts, int(facts.platform.get("cores") or os.cpu_count() or 1))

    def _member(self, key: Key) -> Member:
        return self._members[key[0]]

    def _random(self) -> Random:
        return Random(f"{self._habits.seed}/bench/{self._round}")


def _listed(members: Mapping[Role, Member]) -> str:
    names = {
        Role.BEFORE: "the version before",
        Role.AFTER: "the candidate",
        Role.CONTROL: "the control",
    }
    return " and ".join(names[role] for role in Role if role in members)


class _Shared:
    """A load's batch with its calls dealt to several functions, in an order that changes."""

    def __init__(
        self, batch: Batch, variants: Mapping[Key, Variant], first: int, random: Random
    ) -> None:
        self._variants, self._random, self._first = variants, random, first
        self._keys: dict[int, Key] = {}
        self._round: list[Key] = []
        self._turn: list[Key] = []
        if isinstance(batch.calls, Sequence):  # a closed model, which goes round in them
            calls = [replace(c, number=first + n) for n, c in enumerate(batch.calls)]
            self.batch = replace(batch, calls=list(self._dealt(iter(calls))))
            self._round = list(self._keys.values())
        else:
            self.batch = replace(batch, calls=self._dealt(iter(batch.calls)))

    def key(self, number: int) -> Key:
        """Whom a call was for."""
        if self._round:
            return self._round[(number - self._first) % len(self._round)]
        return self._keys[number]

    def _dealt(self, calls: Iterator[Call]) -> Iterator[Call]:
        keys = list(self._variants)
        for call in calls:
            self._turn = self._turn or self._random.sample(keys, len(keys))
            key = self._turn.pop()
            self._keys[call.number] = key
            yield replace(call, variant=self._variants[key])
