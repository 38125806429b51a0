"""What the load benchmarks share: an endpoint that costs nothing."""

import os
from collections.abc import Iterator

import pytest

from support.nginx import Nginx


@pytest.fixture
def machine() -> str:
    """What else a figure of time depends on, as it is now: ``2 cores, load 0.31``."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}"


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an nginx that answers every invocation alike."""
    server = Nginx(tmp_path_factory.mktemp("nginx"))
    yield server.url
    server.close()
