"""The session's orders, carried out by a recording and by engines that misbehave."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from threading import Event

import pytest

from support.factories import a_function, a_sample, an_endpoint, cold_ask, warm_ask
from tuner.clock import never
from tuner.engine.batches import Payload
from tuner.engine.engine import Batch, Call
from tuner.errors import AccessDenied, ChangedUnderneath, NotFound, TargetError
from tuner.experiment.session import Conditions, Session
from tuner.planning.budget import Left
from tuner.records import OTHER_SIZE, Backend, FunctionFacts, Outcome, Purpose, Sample, Setting
from tuner.targets.seam import Endpoint, Prepared, Target, Variant

FACTS = a_function(backend=Backend.LOCAL, memory_mb=128, platform={"cores": 3})


class FakeTarget(Target):
    """Publishes a version per setting; ``fresh`` publishes another. Some sizes may fail."""

    def __init__(self, failing: dict[int, TargetError] | None = None) -> None:
        self.versions: dict[Setting, int] = {}
        self.published = 0
        self.failing = failing or {}

    def describe(self) -> FunctionFacts:
        return FACTS

    def prepare(
        self, settings: Iterable[Setting], *, fresh: bool = False, stop: Callable[[], bool] = never
    ) -> Prepared:
        return {setting: self._made(setting, fresh) for setting in settings}

    def _made(self, setting: Setting, fresh: bool) -> Variant | TargetError:
        error = self.failing.get(setting.memory_mb)
        if isinstance(error, (AccessDenied, ChangedUnderneath)):
            raise error
        if error is not None:
            return error
        if fresh or setting not in self.versions:
            self.published += 1
            self.versions[setting] = self.published
        return Variant(setting, str(self.versions[setting]))

    def endpoint(self) -> Endpoint | None:
        return an_endpoint("http://127.0.0.1:9")

    def restore(self) -> None: ...

    def close(self) -> None: ...


class FakeEngine:
    """Answers each call by ``answer``, and keeps the batches. A new version starts cold."""

    def __init__(self, answer: Callable[[Call, Sample], Sample] = lambda _c, s: s) -> None:
        self.batches: list[Batch] = []
        self.answer = answer
        self.seen: set[str | None] = set()
        self.stopped = False

    def run(self, batch: Batch) -> Iterator[Sample]:
        self.batches.append(batch)
        self.stopped = False
        fresh = {call.variant.qualifier for call in batch.calls} - self.seen
        for number, call in enumerate(batch.calls):
            if self.stopped:
                return
            cold = call.variant.qualifier in fresh
            if number + 1 >= batch.concurrency:
                fresh.discard(call.variant.qualifier)
            self.seen.add(call.variant.qualifier)
            yield self.answer(call, sample_of(call, batch.round, cold))

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None: ...


def a_session(engine: FakeEngine, burst: int | None = None) -> Session:
    return Session(FakeTarget(), engine, FACTS, Conditions(burst=burst))


def sample_of(call: Call, round_number: int, cold: bool) -> Sample:
    return a_sample(
        call.variant.memory_mb,
        call=call.number,
        round=round_number,
        purpose=call.purpose,
        qualifier=call.variant.qualifier,
        status=200,
        duration_ms=100.0,
        init_ms=50.0 if cold else None,
        payload=call.payload,
    )


@pytest.mark.parametrize(("backend", "limited"), [(Backend.LOCAL, True), (Backend.AWS, False)])
def test_only_calls_of_local_functions_are_cut_off_when_the_user_stops(
    backend: Backend, limited: bool
) -> None:
    engine, asked = FakeEngine(), Event()
    facts = replace(FACTS, backend=backend)
    session = Session(FakeTarget(), engine, facts, Conditions(stop=asked.is_set))
    list(session.run(warm_ask({128: 2})))
    asked.set()
    assert all(batch.stop() for batch in engine.batches)
    assert {batch.grace_s is not None for batch in engine.batches} == {limited}


def test_warm_rounds_send_each_size_as_often_as_wanted_after_one_warm_up() -> None:
    engine = FakeEngine()
    session = Session(FakeTarget(), engine, FACTS, Conditions())
    samples = list(session.run(warm_ask({128: 5, 512: 3})))
    count = Counter((sample.purpose, sample.memory_mb) for sample in samples)
    assert count == {
        (Purpose.WARM_UP, 128): 1,
        (Purpose.WARM_UP, 512): 1,
        (Purpose.WARM, 128): 5,
        (Purpose.WARM, 512): 3,
    }
    assert not any(sample.cold for sample in samples if sample.purpose is Purpose.WARM)
    assert [sample.call for sample in samples] == list(range(10))
    again = list(session.run(warm_ask({128: 2})))
    assert {sample.purpose for sample in again} == {Purpose.WARM}
    assert {sample.round for sample in again} == {1}
    assert session.next_numbers == (12, 2)


def test_a_warm_call_that_starts_a_sandbox_is_passed_on_as_it_is() -> None:
    engine = FakeEngine(lambda _call, sample: replace(sample, init_ms=80.0))
    [*_, last] = a_session(engine).run(warm_ask({128: 1}))
    assert last.purpose is Purpose.WARM
    assert last.cold


def test_cold_bursts_give_as_many_cold_starts_as_wanted_from_few_versions() -> None:
    target, engine = FakeTarget(), FakeEngine()
    session = Session(target, engine, FACTS, Conditions())
    samples = list(session.run(cold_ask({128: 5, 256: 2})))
    cold = Counter(sample.memory_mb for sample in samples if sample.cold)
    assert cold == {128: 5, 256: 2}
    assert {sample.purpose for sample in samples} == {Purpose.COLD}
    # Three cores: two simultaneous INITs, one core for the rest.
    assert [len(batch.calls) for batch in engine.batches] == [b.concurrency for b in engine.batches]
    assert max(batch.concurrency for batch in engine.batches) == 2
    assert target.published == 4


def test_a_size_that_starts_no_sandbox_is_given_up() -> None:
    engine = FakeEngine(lambda _call, sample: replace(sample, init_ms=None))
    samples = list(a_session(engine, burst=4).run(cold_ask({128: 9})))
    assert len(samples) == 4


def test_a_burst_that_is_throttled_in_part_is_made_up_for() -> None:
    def answer(call: Call, sample: Sample) -> Sample:
        if call.number % 2:
            return replace(sample, outcome=Outcome.THROTTLED, init_ms=None)
        return sample

    engine = FakeEngine(answer)
    samples = list(a_session(engine, burst=4).run(cold_ask({128: 4})))
    assert sum(sample.cold for sample in samples) == 4
    assert sum(sample.outcome is Outcome.THROTTLED for sample in samples) >= 3


def test_what_was_cold_once_needs_no_warm_up() -> None:
    session = Session(FakeTarget(), FakeEngine(), FACTS, Conditions())
    list(session.run(cold_ask({128: 1})))
    assert {sample.purpose for sample in session.run(warm_ask({128: 2}))} == {Purpose.WARM}


def test_a_size_that_cannot_be_had_is_noted_and_the_others_go_on() -> None:
    target = FakeTarget({5000: TargetError("fn", "at most 3008 MB are allowed")})
    session = Session(target, FakeEngine(), FACTS, Conditions())
    assert {sample.memory_mb for sample in session.run(warm_ask({128: 1, 5000: 1}))} == {128}
    assert list(session.run(cold_ask({5000: 3}))) == []
    assert session.failed == {Setting(5000): "at most 3008 MB are allowed"}


@pytest.mark.parametrize("error", [AccessDenied("fn", "no"), ChangedUnderneath("fn", "x")])
def test_what_concerns_every_size_ends_the_run(error: TargetError) -> None:
    session = Session(FakeTarget({128: error}), FakeEngine(), FACTS, Conditions())
    with pytest.raises(type(error)):
        list(session.run(warm_ask({128: 1})))


@pytest.mark.parametrize(
    ("status", "reason", "error", "words"),
    [
        (403, "AccessDeniedException", AccessDenied, "lambda:InvokeFunction"),
        (403, "ExpiredTokenException", AccessDenied, "credentials"),
        (404, "ResourceNotFoundException", NotFound, "still exists"),
        (400, "InvalidRequestContentException", TargetError, "payload"),
        (200, OTHER_SIZE, ChangedUnderneath, "somebody else changed it"),
    ],
)
def test_a_refusal_that_would_only_repeat_itself_ends_the_run(
    status: int, reason: str, error: type[TargetError], words: str
) -> None:
    def refuse(_call: Call, sample: Sample) -> Sample:
        return replace(sample, outcome=Outcome.SERVICE_ERROR, status=status, reason=reason)

    engine = FakeEngine(refuse)
    samples = []
    with pytest.raises(error, match=words):
        for sample in a_session(engine).run(warm_ask({128: 50})):
            samples.append(sample)
    assert len(samples) == 1


@pytest.mark.parametrize(
    ("outcome", "status", "reason"),
    [
        (Outcome.THROTTLED, 429, "CallerRateLimitExceeded"),
        (Outcome.SERVICE_ERROR, 500, "ServiceException"),
        (Outcome.SERVICE_ERROR, 502, "ENILimitReachedException"),
        (Outcome.TIMEOUT, 200, "Sandbox.Timedout"),
        (Outcome.OUT_OF_MEMORY, 200, "Runtime.OutOfMemory"),
    ],
)
def test_what_may_pass_or_is_the_functions_own_is_data(
    outcome: Outcome, status: int, reason: str
) -> None:
    engine = FakeEngine(lambda _c, s: replace(s, outcome=outcome, status=status, reason=reason))
    samples = list(a_session(engine).run(warm_ask({128: 3})))
    assert [sample.outcome for sample in samples] == [outcome] * 4


def test_no_answer_at_first_contact_ends_the_run_and_later_is_data() -> None:
    def lost(call: Call, sample: Sample) -> Sample:
        if call.number < first_lost:
            return sample
        return replace(sample, outcome=Outcome.TRANSPORT_ERROR, reason="connection refused")

    first_lost = 0
    with pytest.raises(TargetError, match="connection refused"):
        list(a_session(FakeEngine(lost)).run(warm_ask({128: 3})))
    first_lost = 2
    assert len(list(a_session(FakeEngine(lost)).run(warm_ask({128: 3})))) == 4


def test_after_stop_nothing_more_is_sent() -> None:
    engine = FakeEngine()
    session = Session(FakeTarget(), engine, FACTS, Conditions())
    seen = []
    for sample in session.run(warm_ask({128: 40, 256: 40})):
        seen.append(sample)
        if len(seen) == 10:
            session.stop()
    assert len(seen) == 10
    assert list(session.run(cold_ask({128: 3}))) == list(session.run(warm_ask({128: 3}))) == []


def test_payloads_come_in_the_proportion_of_their_weights() -> None:
    payloads = (Payload(b"1", 3.0, "small"), Payload(b"2", 1.0))
    session = Session(FakeTarget(), FakeEngine(), FACTS, Conditions(payloads=payloads))
    list(session.run(warm_ask({128: 1})))
    samples = list(session.run(warm_ask({128: 40})))
    assert Counter(sample.payload for sample in samples) == {0: 30, 1: 10}
    assert Counter(sample.setting.payload_class for sample in samples) == {"small": 30, "": 10}
    assert {sample.setting.asked for sample in samples} == {Setting(128)}


def test_each_size_has_payloads_in_the_same_proportion() -> None:
    payloads = (Payload(b"1", 1.0, "a"), Payload(b"2", 1.0, "b"))
    session = Session(FakeTarget(), FakeEngine(), FACTS, Conditions(payloads=payloads))
    samples = [s for s in session.run(warm_ask({128: 6, 512: 2})) if s.purpose is Purpose.WARM]
    seen = Counter((sample.memory_mb, sample.payload) for sample in samples)
    assert seen == {(128, 0): 3, (128, 1): 3, (512, 0): 1, (512, 1): 1}


def test_no_more_calls_are_made_than_a_limit_leaves_warm_ups_included() -> None:
    sent: list[Sample] = []
    left = Conditions(left=lambda: Left(5 - len(sent)))
    session = Session(FakeTarget(), FakeEngine(), FACTS, left)
    for sample in session.run(warm_ask({128: 3, 512: 3})):
        sent.append(sample)
    assert Counter(sample.purpose for sample in sent) == {Purpose.WARM_UP: 2, Purpose.WARM: 3}
    assert list(session.run(warm_ask({128: 3}))) == []


def test_no_call_begins_after_the_time_that_a_limit_leaves() -> None:
    engine = FakeEngine()
    session = Session(FakeTarget(), engine, FACTS, Conditions(left=lambda: Left(seconds=2.5)))
    list(session.run(warm_ask({128: 3})))
    assert [batch.policy.cutoff_s for batch in engine.batches] == [2.5, 2.5]


def test_a_resumed_run_goes_on_with_new_numbers() -> None:
    engine = FakeEngine()
    conditions = Conditions(first_call=70, first_round=4)
    samples = list(Session(FakeTarget(), engine, FACTS, conditions).run(warm_ask({128: 2})))
    assert [sample.call for sample in samples] == [70, 71, 72]
    assert {sample.round for sample in samples} == {4}


def test_an_answer_is_awaited_longer_than_the_function_may_take() -> None:
    engine = FakeEngine()
    list(a_session(engine).run(warm_ask({128: 1})))
    assert FACTS.timeout_s is not None
    assert all(batch.timeout_s >= FACTS.timeout_s + 10 for batch in engine.batches)
