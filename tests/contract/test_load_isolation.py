"""A load of a copy, and the role that loads and cold starts work as."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.commands import exit_code
from tuner.errors import UsageError
from tuner.options.load import load_spec
from tuner.options.load_options import LoadOptions

pytestmark = pytest.mark.slow


def functions_of(service: Any) -> set[str]:
    return {f["FunctionName"] for f in service.client.list_functions()["Functions"]}


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_a_load_of_a_copy_leaves_the_function_untouched(service: Any, function: str) -> None:
    before, there = service.picture(function), functions_of(service)
    where = ("--endpoint-url", service.url, "--region", "eu-west-1", "--no-cross-check")
    words = ("--isolation", "clone", "--rate", "20", "--duration", "1s", "--json", "load.json")
    assert exit_code("load", function, *where, *words) == 0
    document = json.loads(Path("load.json").read_text())
    assert document["outcomes"]["ok"] == 20
    assert "clone" in {warning["code"] for warning in document["warnings"]}
    assert service.picture(function) == before
    assert functions_of(service) == there


def test_a_front_cannot_be_isolated() -> None:
    url = "https://abc.lambda-url.eu-west-1.on.aws/"
    with pytest.raises(UsageError, match="--isolation: has no effect behind --url"):
        load_spec(LoadOptions("f", url=url, rate=1, isolation="clone"))
