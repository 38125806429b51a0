"""One worker process for all tests of the engine, because its start takes the longest."""

from collections.abc import Callable, Iterator

import pytest

from support.factories import an_endpoint
from tuner.clock import WallClock
from tuner.engine.locust_engine import LocustEngine
from tuner.targets.seam import Credentials


@pytest.fixture(scope="session")
def engine_for() -> Iterator[Callable[..., LocustEngine]]:
    """``engine_for(url)``, with ``keys`` of its own if need be."""
    started: list[LocustEngine] = []

    def aim(
        url: str, keys: Callable[[], Credentials] = lambda: Credentials("AKID", "secret")
    ) -> LocustEngine:
        if not started:
            started.append(LocustEngine(an_endpoint(url, keys), WallClock()))
        started[0].endpoint = an_endpoint(url, keys)
        return started[0]

    yield aim
    for engine in started:
        engine.close()
