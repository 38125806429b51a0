"""Measuring in place: sizes one after another, each warmed up anew when its turn comes."""

from collections.abc import Callable, Iterable, Iterator

from support.factories import a_function, a_sample, an_endpoint, cold_ask, warm_ask
from tuner.clock import never
from tuner.engine.engine import Batch
from tuner.experiment.session import Conditions, Session
from tuner.records import FunctionFacts, Purpose, Sample, Setting
from tuner.targets.seam import Endpoint, Prepared, Target, Variant

FACTS = a_function(memory_mb=128)


class InPlace(Target):
    """Only the size that was prepared last can be invoked."""

    one_at_a_time = True

    def __init__(self) -> None:
        self.now = 0

    def describe(self) -> FunctionFacts:
        return FACTS

    def prepare(
        self, settings: Iterable[Setting], *, fresh: bool = False, stop: Callable[[], bool] = never
    ) -> Prepared:
        made = {}
        for setting in settings:
            self.now = setting.memory_mb
            made[setting] = Variant(setting, None)
        return made

    def endpoint(self) -> Endpoint | None:
        return an_endpoint("http://127.0.0.1:9")

    def restore(self) -> None: ...

    def close(self) -> None: ...


class Engine:
    """Insists that what is invoked is the size that the function has."""

    def __init__(self, target: InPlace) -> None:
        self.target = target

    def run(self, batch: Batch) -> Iterator[Sample]:
        for call in batch.calls:
            assert call.variant.memory_mb == self.target.now
            yield a_sample(
                self.target.now,
                call=call.number,
                round=batch.round,
                purpose=call.purpose,
                ran_ms=9.0,
                init_ms=1.0 if call.purpose is Purpose.COLD else None,
            )

    def stop(self) -> None: ...

    def close(self) -> None: ...


def sent(samples: list[Sample]) -> list[tuple[int, str]]:
    return [(sample.memory_mb, sample.purpose.value) for sample in samples]


def test_a_size_is_finished_before_the_next_one_begins() -> None:
    target = InPlace()
    session = Session(target, Engine(target), FACTS, Conditions())
    assert sent(list(session.run(warm_ask({128: 2, 512: 1})))) == [
        (128, "warm-up"), (128, "warm"), (128, "warm"), (512, "warm-up"), (512, "warm"),
    ]  # fmt: skip
    assert sent(list(session.run(warm_ask({512: 1})))) == [(512, "warm")]
    assert sent(list(session.run(warm_ask({128: 1})))) == [(128, "warm-up"), (128, "warm")]


def test_cold_starts_are_forced_at_one_size_at_a_time() -> None:
    target = InPlace()
    session = Session(target, Engine(target), FACTS, Conditions(burst=1))
    samples = list(session.run(cold_ask({128: 2, 512: 2})))
    assert sorted(sent(samples)) == [(128, "cold")] * 2 + [(512, "cold")] * 2
