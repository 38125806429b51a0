"""One headless Chromium for all browser tests, and the sweeps that reports are made of."""

import shutil
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A running browser; skips where none is installed."""
    from support.chromium import Chromium

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no chromium is installed (Debian: apt-get install chromium)")
    browser = Chromium(program, tmp_path_factory.mktemp("profile"))
    try:
        yield browser
    finally:
        browser.close()
