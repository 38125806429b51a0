"""Several parts as one target: each setting goes to its own, and what fails stays there."""

from collections.abc import Callable, Iterable

import pytest

from tuner.clock import never
from tuner.errors import AccessDenied, TargetError
from tuner.records import Advice, Backend, FunctionFacts, Part, Setting
from tuner.targets.composite import Composite
from tuner.targets.seam import Credentials, Endpoint, Prepared, Target, Variant, one_variant

FACTS = FunctionFacts("shop", "arn:shop", Backend.AWS, "us-east-1", "x86_64", None, 128, 3.0)
X86, ARM, OTHER = Part(), Part("arm64"), Part(code="before")


class Shop(Target):
    """Knows sizes up to 512 MB; notes what it is asked."""

    def __init__(self, name: str, error: TargetError | None = None) -> None:
        self.name, self.error = name, error
        self.asked: list[tuple[list[Setting], bool]] = []
        self.done: list[str] = []
        self.notes = (Advice("shop", "It is a shop."),)

    def describe(self) -> FunctionFacts:
        return FACTS

    def prepare(
        self, settings: Iterable[Setting], *, fresh: bool = False, stop: Callable[[], bool] = never
    ) -> Prepared:
        wanted = list(settings)
        self.asked.append((wanted, fresh))
        if self.error is not None:
            raise self.error
        many = TargetError(self.name, "too much")
        return {s: many if s.memory_mb > 512 else Variant(s, "7") for s in wanted}

    def release(self, variant: Variant) -> None:
        self.done.append(f"release {variant.memory_mb}")

    def endpoint(self) -> Endpoint:
        return Endpoint("http://127.0.0.1:9", "us-east-1", self.name, lambda: Credentials("a", "b"))

    def restore(self) -> None:
        self.done.append("restore")
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.done.append("close")


def test_each_setting_goes_to_the_part_of_its_architecture_and_code() -> None:
    shops = {X86: Shop("own"), ARM: Shop("arm"), OTHER: Shop("other")}
    target = Composite(FACTS, shops)
    wanted = [Setting(128), Setting(256, "arm64"), Setting(512, code="before"), Setting(512)]
    made = target.prepare(wanted, fresh=True)
    assert shops[X86].asked == [([Setting(128), Setting(512)], True)]
    assert shops[ARM].asked == [([Setting(256, "arm64")], True)]
    assert shops[OTHER].asked == [([Setting(512, code="before")], True)]
    functions = {s: v.function for s, v in made.items() if isinstance(v, Variant)}
    assert functions == dict(zip(wanted, ["own", "arm", "other", "own"], strict=True))
    assert target.notes == (Advice("shop", "It is a shop."),)


def test_a_part_that_cannot_be_made_is_a_reason_for_each_of_its_settings() -> None:
    target = Composite(FACTS, {X86: Shop("own"), ARM: Shop("arm", TargetError("arm", "no"))})
    made = target.prepare([Setting(128), Setting(1024), Setting(128, "arm64")])
    assert isinstance(made[Setting(128)], Variant)
    reasons = {s: v.reason for s, v in made.items() if isinstance(v, TargetError)}
    assert reasons == {Setting(1024): "too much", Setting(128, "arm64"): "no"}
    with pytest.raises(TargetError, match="too much"):
        one_variant(target, Setting(1024))


def test_what_concerns_the_whole_function_is_raised() -> None:
    target = Composite(FACTS, {X86: Shop("own", AccessDenied("own", "not allowed"))})
    with pytest.raises(AccessDenied):
        target.prepare([Setting(128)])


def test_a_load_is_made_as_the_same_calls_alone_and_keeps_its_name() -> None:
    target = Composite(FACTS, {X86: Shop("own")})
    setting = Setting(128, load="steady")
    assert one_variant(target, setting).setting == setting


def test_a_variant_is_released_by_the_part_that_made_it() -> None:
    shops = {X86: Shop("own"), ARM: Shop("arm")}
    target = Composite(FACTS, shops)
    target.release(one_variant(target, Setting(512, "arm64", "provisioned=2")))
    assert (shops[X86].done, shops[ARM].done) == ([], ["release 512"])


def test_all_parts_are_restored_although_one_fails_and_closed_last_first() -> None:
    shops = [Shop("own", TargetError("own", "lost")), Shop("other")]
    target = Composite(FACTS, dict(zip([X86, OTHER], shops, strict=True)))
    with pytest.raises(TargetError, match="lost"):
        target.restore()
    target.close()
    assert [shop.done for shop in shops] == [["restore", "close"]] * 2
