"""One batch in progress: calls are dealt to workers a little ahead, and their results come back.

It keeps account of every call until its last result is there, deals what a lost worker had not
begun to the others, and counts what stays without a result. Memory grows with the calls that are
out, not with the length of the load.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle

from tuner.clock import Clock
from tuner.engine import wire
from tuner.engine.engine import FATE_UNKNOWN, Batch, Call, Gap, Shortfall
from tuner.engine.processors import Hooks
from tuner.engine.worker_pool import WorkerMessage, WorkerPool
from tuner.engine.worker_process import KEPT
from tuner.errors import TunerError

_AHEAD_S = 2.0  # longer than any pause of the tuner, short enough for a stop or a lost worker
_AHEAD_CLOSED = 256  # beyond twice the concurrency: what a worker sends between two messages
_MOST_OUT = 100_000
_START_IN_S = 0.05  # so that even the slowest of several workers begins in time
#: A worker that owes an answer is given up when it has said nothing of any call for as long as the
#: longest call may take, and so much more: retries, processors, users that end.
_SILENT_S = 120.0
_STAND_BY_S = 60.0  # to open connections, or to import what a locustfile does
_CROWDED = 0.95  # of a machine's CPUs
_CLOCKS_S = 5.0  # times of a worker may be wrong by so much: its clock was measured when it joined


@dataclass(slots=True)
class _Out:
    call: Call
    worker: str
    begun: bool = False  # a result has come, another attempt is to follow


class Dispatch:
    """The state of one batch; ``start_s`` is on ``clock.monotonic()`` once it has begun."""

    def __init__(self, pool: WorkerPool, batch: Batch, clock: Clock, origin_s: float) -> None:
        self.shortfall = Shortfall()
        self.start_s = 0.0
        self._pool, self._batch, self._clock, self._origin = pool, batch, clock, origin_s
        self._calls = iter(batch.calls)
        self._next: Call | None = next(self._calls, None)
        self._template: Call | None = None  # of a script, whose users make the calls themselves
        if batch.policy.script is not None:
            self._template, self._next = self._next, None
        self._out: dict[int, _Out] = {}
        self._alive: list[str] = []
        self._heard_s: dict[str, float] = {}  # when each worker last said something of a call
        self._turn: Iterator[str] = iter(())
        self._ended: set[str] = set()
        self._stopped = self._last_dealt = False
        cutoff = batch.policy.cutoff_s
        self._until_s = math.inf if cutoff is None else cutoff
        self._failure: str | None = None
        self._stop_s: float | None = None  # when the user wanted to end
        #: True once what was in flight is waited for no more.
        self.cut_off = False
        #: Runs pre- and post-processors, if there are any.
        self.hooks: Hooks | None = None

    @property
    def empty(self) -> bool:
        """``True`` if there is nothing to send at all."""
        return self._next is None and not self._out and self._template is None

    def begin(self, order: wire.Order) -> None:
        """Give the order, wait until all workers stand by, and go."""
        pool = self._pool
        self._set_alive(pool.ready(self._batch.stop))
        for index, (worker, concurrency) in enumerate(self._shares()):
            script = _script_order(self._batch, concurrency, index, len(self._alive))
            own = order._replace(concurrency=concurrency, script=script)
            pool.send(worker, wire.pack(wire.ORDER, *own))
        self._deal(0.0)
        waiting, until_s = set(self._alive), self._clock.monotonic() + _STAND_BY_S
        while waiting:
            message = pool.receive()
            if message.kind == wire.SET:
                waiting.discard(message.worker)
            else:
                self._note(message)
            if self._clock.monotonic() > until_s:
                for worker in waiting:
                    self._dismiss(worker, f"it was not ready after {_STAND_BY_S:.0f} s")
            waiting &= set(self._alive) - self._ended
        self.start_s = self._clock.monotonic() + (_START_IN_S if len(self._alive) > 1 else 0.0)
        for worker in self._alive:
            pool.send(worker, wire.pack(wire.GO, self.start_s + pool.lead_s(worker)))

    def results(self) -> Iterator[tuple[Call, wire.Result]]:
        """Yield every result as it comes, its times on this machine's clock, until all ended."""
        while True:
            self._feed()
            if self._ended.issuperset(self._alive) or self._hurries():
                break
            message = self._pool.receive()
            if message.kind != wire.RESULT:
                self._note(message)
                continue
            if message.worker not in self._alive:
                continue
            result = wire.Result(*message.fields)
            out = self._out_of(result.number, message.worker)
            if out is None or out.worker != message.worker:
                continue
            result = wire.earlier(result, self._pool.lead_s(message.worker))
            now_s = self._heard_s[message.worker] = self._clock.monotonic()
            if self._pool.foreign and not (
                self.start_s - _CLOCKS_S <= result.due and result.done <= now_s + _CLOCKS_S
            ):
                self._dismiss(message.worker, "it sent a result from another time than the load's")
                continue
            if self.hooks is not None and out.call.due_s is not None and result.attempt == 1:
                self.hooks.came(result.due - self.start_s - out.call.due_s)
            out.begun = True
            if result.backoff_ms is None:
                del self._out[result.number]
            yield out.call, result
        self._conclude()

    def _hurries(self) -> bool:
        """Stop once the user wants to end; return whether what is in flight has had its time."""
        if not self._batch.stop():
            return False
        now_s, grace_s = self._clock.monotonic(), self._batch.grace_s
        if self._stop_s is None:
            self._stop_s = now_s
            self.stop()
        self.cut_off = grace_s is not None and now_s - self._stop_s > grace_s
        if self.cut_off:
            for out in [each for each in self._out.values() if not each.begun]:
                self._drop(out.call, FATE_UNKNOWN)
            self._out.clear()
        return self.cut_off

    def _conclude(self) -> None:
        """Count what was not sent, and raise what ended the batch."""
        for out in self._out.values():
            if not out.begun and not self._failure:
                self._drop(out.call, "too late")
        self._out.clear()
        if self.hooks is not None and self.hooks.broken is not None:
            raise self.hooks.broken
        if self._failure and (script := self._batch.policy.script) is not None:
            words = self._failure.removeprefix("LookupError: ")  # ours, with a reason of its own
            raise TunerError(f"--locustfile {script.name}", words, "Correct it, then run it again.")
        if self._failure:
            raise TunerError("load worker", self._failure, "Run it again with --debug for details.")
        if not self._alive:
            raise TunerError("load workers", "all were lost", KEPT)

    def stop(self) -> None:
        """Send nothing more."""
        self._stopped = True
        self._next = None
        self._tell_all(wire.pack(wire.STOP))
        # What is not due yet was not asked for, as far as this load went.
        self._until_s = min(self._until_s, self._clock.monotonic() - self.start_s)

    def abandon(self) -> None:
        """Count what was due and has no result as a gap: no worker is left."""
        if not self._out or not self.start_s:
            return
        now = self._clock.monotonic()
        self._until_s = min(self._until_s, now - self.start_s)
        lost = [out for out in self._out.values() if not out.begun and self._asked(out.call)]
        for out in lost:
            self._drop(out.call, FATE_UNKNOWN)
        self._out.clear()
        self.shortfall.gaps.append(Gap(", ".join(self._alive), now - self._origin, len(lost)))

    def use_keys(self, keys: tuple[str, str, str | None]) -> None:
        """Have everything from now on signed with these credentials."""
        self._tell_all(wire.pack(wire.KEYS, *keys))

    def _tell_all(self, message: bytes) -> None:
        for worker in self._alive:
            self._pool.send(worker, message)

    def _feed(self) -> None:
        """Deal what is due soon; once everything has come back, say that it was the last."""
        if self._next is not None:
            elapsed_s = self._clock.monotonic() - self.start_s
            if elapsed_s < self._until_s:
                self._deal(elapsed_s)
            else:
                self._next = None
        elif not (self._out or self._last_dealt or self._stopped or self._template):
            self._last_dealt = True
            self._tell_all(wire.pack(wire.LAST))

    def _deal(self, elapsed_s: float) -> None:
        if self._may_deal(elapsed_s + _AHEAD_S / 2, 0.75):
            self._hand_out(self._due_by(elapsed_s + _AHEAD_S))

    def _due_by(self, until_s: float) -> Iterator[Call]:
        while (call := self._next) is not None and self._may_deal(until_s, 1.0):
            if call.number in self._out:
                raise ValueError("two calls of a batch have the same number")
            yield call
            self._next = next(self._calls, None)

    def _hand_out(self, calls: Iterable[Call]) -> None:
        """Give calls to the workers in turn."""
        hands: dict[str, list[wire.OrderedCall]] = {}
        for call in calls:
            worker, to = next(self._turn), call.variant
            self._out[call.number] = _Out(call, worker)
            made = (call.number, to.qualifier, to.memory_mb, call.payload, call.due_s, to.function)
            hands.setdefault(worker, []).append(wire.OrderedCall(*made))
        for worker, ordered in hands.items():
            self._pool.send(worker, wire.pack(wire.CALLS, *ordered))

    def _may_deal(self, until_s: float, part: float) -> bool:
        """Return whether the next call is due by then, and few enough are out."""
        if self._next is None:
            return False
        due = self._next.due_s
        if due is None:
            return len(self._out) < part * (2 * self._batch.concurrency + _AHEAD_CLOSED)
        return due <= until_s and len(self._out) < part * _MOST_OUT

    def _out_of(self, number: int, worker: str) -> _Out | None:
        """Return the call of this number; one that a script made counts from now on."""
        if number not in self._out and self._template is not None:
            self._out[number] = _Out(replace(self._template, number=number), worker)
        return self._out.get(number)

    def _note(self, message: WorkerMessage) -> None:
        if self.hooks is not None and self.hooks.broken is not None and not self._stopped:
            self.stop()
        worker, kind, fields = message
        if kind in (wire.DROPPED, wire.HOOK):
            self._heard_s[worker] = self._clock.monotonic()
        match kind:
            case wire.BEAT:
                self._note_beat(*fields)
                self._look_for_silent()
            case wire.DROPPED:
                if (out := self._out_of(fields[0], worker)) is not None:
                    del self._out[out.call.number]
                    if not out.begun:
                        self._drop(out.call, fields[1])
            case wire.MISTAKES:
                self.shortfall.mistakes.update(dict(fields))
            case wire.NOTE:
                self.shortfall.notes.add(fields[0])
            case wire.FAILED:
                self._failure = fields[0]
                self.stop()
            case wire.HOOK if self.hooks is not None:
                self.hooks.take(fields, partial(self._pool.send, worker))
            case wire.END:
                self._ended.add(worker)
            case wire.LOST:
                self._lose(worker, *fields)

    def _note_beat(self, used: float, machine: float = 0.0) -> None:
        self.shortfall.busiest = max(self.shortfall.busiest, used)
        self.shortfall.looks += machine > 0.0
        self.shortfall.crowded += machine > _CROWDED

    def _look_for_silent(self) -> None:
        """Give up workers that live and owe answers, but send none."""
        if not self.start_s:
            return
        limit_s = self._batch.timeout_s + _SILENT_S
        now_s = self._clock.monotonic()
        for worker in [each for each in self._alive if each not in self._ended]:
            if now_s - self._heard_s.get(worker, now_s) > limit_s and self._owes(worker, now_s):
                self._dismiss(worker, f"it said nothing of its calls for {limit_s:.0f} s")

    def _owes(self, worker: str, now_s: float) -> bool:
        """Return whether a call of this worker should have ended, or its batch."""
        late_s = now_s - self.start_s - self._batch.timeout_s - _SILENT_S
        if self._stopped or self._last_dealt or late_s > self._until_s:
            return True
        due = (out.call.due_s for out in self._out.values() if out.worker == worker)
        return any(due_s is not None and due_s < late_s for due_s in due)

    def _dismiss(self, worker: str, why: str) -> None:
        self._pool.dismiss(worker)
        self._lose(worker, why)

    def _lose(self, worker: str, why: str = "") -> None:
        """Deal what a lost worker cannot have begun to the others; the rest is a gap."""
        if worker not in self._alive:
            return
        self._set_alive([name for name in self._alive if name != worker])
        now = self._clock.monotonic()
        elapsed = now - self.start_s if self.start_s else 0.0
        if not self._alive:
            self._until_s = min(self._until_s, elapsed)
        again, lost = [], 0
        for out in [each for each in self._out.values() if each.worker == worker]:
            if self._alive and not out.begun and (out.call.due_s or -1.0) > elapsed:
                again.append(out.call)
                continue
            lost += 1
            del self._out[out.call.number]
            if not out.begun:
                self._drop(out.call, FATE_UNKNOWN)
        self.shortfall.gaps.append(Gap(worker, now - self._origin, lost, why))
        for name, concurrency in self._shares():
            self._pool.send(name, wire.pack(wire.LIMIT, concurrency))
        if not self._stopped:
            self._hand_out(again)

    def _drop(self, call: Call, reason: str) -> None:
        """Count a call without a sample, if it was asked for at all."""
        if reason != wire.PRE_FAILED and not self._asked(call):
            return
        self.shortfall.dropped[reason] += 1
        now_s = self._clock.monotonic() - self.start_s
        at = self.start_s + (now_s if call.due_s is None else call.due_s) - self._origin
        self.shortfall.by_second[int(at // 1)] += 1

    def _asked(self, call: Call) -> bool:
        """Return whether a call was due before the end."""
        return call.due_s is not None and call.due_s <= self._until_s

    def _set_alive(self, workers: Sequence[str]) -> None:
        self._alive = list(workers)
        self._turn = cycle(self._alive)

    def _shares(self) -> Iterator[tuple[str, int]]:
        """Yield each worker with its part of the concurrency, at least one."""
        if self._alive:
            each, more = divmod(self._batch.concurrency, len(self._alive))
            for index, worker in enumerate(self._alive):
                yield worker, max(1, each + (index < more))


def _script_order(batch: Batch, users: int, index: int, workers: int) -> wire.ScriptOrder | None:
    """Return the part of a locustfile for worker ``index`` of so many; ``None`` without one."""
    script, calls = batch.policy.script, list(batch.calls) if batch.policy.script else []
    if script is None or not calls:
        return None
    first, rate = calls[0], script.spawn_per_s
    return wire.ScriptOrder(
        *script._replace(spawn_per_s=None if rate is None else rate * users / batch.concurrency),
        first.variant.qualifier,
        first.variant.memory_mb,
        tuple(call.payload for call in calls),
        first.number + index,
        workers,
        index,
    )
