"""What every target has without writing it: several sizes at once, one after another."""

import pytest

from support.factories import a_variant
from tuner.errors import AccessDenied, TargetError
from tuner.records import FunctionFacts
from tuner.targets.seam import Target, Variant


class Shop(Target):
    """Knows sizes up to 512 MB; 666 is forbidden."""

    def describe(self) -> FunctionFacts:
        raise NotImplementedError

    def prepare(self, memory_mb: int) -> Variant:
        if memory_mb == 666:
            raise AccessDenied("shop", "not allowed")
        if memory_mb > 512:
            raise TargetError("shop", f"{memory_mb} MB is too much")
        return a_variant(memory_mb, "prepared")

    def recycle(self, memory_mb: int) -> Variant:
        return a_variant(memory_mb, "fresh")

    def endpoint(self) -> None:
        return

    def restore(self) -> None: ...

    def close(self) -> None: ...


def test_a_size_that_fails_does_not_stop_the_others() -> None:
    made = Shop().prepare_many([128, 1024, 512])
    assert made[128] == a_variant(128, "prepared")
    assert made[512] == a_variant(512, "prepared")
    assert isinstance(made[1024], TargetError)


def test_fresh_sizes_are_recycled() -> None:
    assert Shop().prepare_many([1024], fresh=True)[1024] == a_variant(1024, "fresh")


def test_what_concerns_the_whole_function_is_raised() -> None:
    with pytest.raises(AccessDenied):
        Shop().prepare_many([128, 666, 512])
