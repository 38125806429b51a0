"""The credentials that workers of other machines get: for one function, or it is said why not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from support.factories import an_endpoint
from tuner.engine.worker_pool import Workers
from tuner.errors import TargetError
from tuner.experiment.wiring import PLAIN, SendOptions, _endpoint
from tuner.targets.seam import Credentials

WHOLE, NARROW = Credentials("whole", "s"), Credentials("narrow", "s", "t")


def target(narrowed: Callable[[], Callable[[], Credentials]] | None) -> Any:
    class Known:
        def endpoint(self) -> object:
            return replace(an_endpoint("https://lambda", lambda: WHOLE), narrowed=narrowed)

    return Known()


@pytest.mark.parametrize(
    ("send", "keys"),
    [(PLAIN, WHOLE), (SendOptions(Workers(1, 2, secret="x" * 16)), NARROW)],
)
def test_only_other_machines_get_narrower_credentials(send: SendOptions, keys: object) -> None:
    endpoint, notes = _endpoint(target(lambda: lambda: NARROW), send)
    assert endpoint is not None
    assert (endpoint.credentials(), notes) == (keys, ())


def test_where_there_are_none_the_load_says_so() -> None:
    def refused() -> Callable[[], Credentials]:
        raise TargetError("AWS", "sts:GetFederationToken is not allowed")

    endpoint, [note] = _endpoint(target(refused), SendOptions(Workers(0, 2, secret="x" * 16)))
    assert endpoint is not None
    assert endpoint.credentials() == WHOLE
    assert note.code == "worker-credentials"
    assert "sts:GetFederationToken is not allowed" in note.text
    assert "tuner policy load" in note.text
