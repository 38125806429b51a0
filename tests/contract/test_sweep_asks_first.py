"""On AWS, a sweep says what it may cost before it begins, and asks when that is much."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer

from tuner.cli.app import main


@pytest.fixture
def slow_function(service: Any, make_zip: Callable[..., bytes]) -> Iterator[str]:
    """One whose timeout allows an expensive sweep."""
    service.create("slow", make_zip({"app.py": "x"}), Timeout=900)
    yield "slow"
    service.client.delete_function(FunctionName="slow")


@pytest.mark.parametrize("service", ["moto"], indirect=True)
def test_a_no_ends_the_sweep_before_anything_is_changed(
    service: Any,
    slow_function: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[str] = []

    def refuse(text: str, *_: Any, **__: Any) -> bool:
        asked.append(text)
        return False

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", refuse)
    before = service.picture(slow_function)
    with pytest.raises(SystemExit) as ended:
        main(["sweep", slow_function, "--endpoint-url", service.url, "--region", "eu-west-1"])
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "may cost up to $" in asked[0]
    assert "invocations   20 to" in said
    assert "nothing was started" in said
    assert service.picture(slow_function) == before
