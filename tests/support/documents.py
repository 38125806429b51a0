"""Holds every document that tests make against its schema, both ways: what is missing, and what the
schema does not know.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import jsonschema
import pytest

from tuner.api import results
from tuner.api.schema import schema
from tuner.cli import show
from tuner.store import exchange

_RESULTS = (
    results.SweepResult, results.LoadResult, results.BenchResult, results.CompareResult,
    results.PlanResult,
)  # fmt: skip
#: Samples of an exported run that are looked at: they are all made in one way.
_LOOKED_AT = 20


def check(document: Mapping[str, Any], name: str | None = None, *, closed: bool = True) -> None:
    """Raise an error that names the field where a document is not as its schema says, or, if that
    is ``closed``, has more.
    """
    validator = _validator(name or str(document["schema"]), closed)
    error = jsonschema.exceptions.best_match(validator.iter_errors(document))
    if error is not None:
        raise AssertionError(f"{error.json_path}: {error.message:.300} (tuner/*/shapes.json)")


@cache
def _validator(name: str, closed: bool) -> Any:
    found = schema(name)
    return jsonschema.Draft202012Validator(_closed(found) if closed else found)


def _closed(part: Any) -> Any:
    """The schema without leave to have further fields."""
    if isinstance(part, list):
        return [_closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    inner = {name: _closed(each) for name, each in part.items()}
    if isinstance(part.get("properties"), dict) and "required" in part:
        inner.setdefault("additionalProperties", False)
    return inner


@contextmanager
def checked() -> Iterator[None]:
    """Check what results, commands and exports write for as long as this lasts."""
    with pytest.MonkeyPatch.context() as patch:
        for of in _RESULTS:
            patch.setattr(of, "to_dict", _checked_result(of.to_dict))
        written, lines = show.write_document, exchange.lines

        def write_document(document: Mapping[str, Any], *more: Any) -> None:
            if not str(document["schema"]).startswith("tuner.price-list/"):
                check(document)
            written(document, *more)

        def exported(stored: exchange.StoredRun) -> Iterator[str]:
            for number, line in enumerate(lines(stored)):
                if number < _LOOKED_AT or not line.startswith('{"sample"'):
                    check(exchange.json.loads(line), "run")
                yield line

        patch.setattr(show, "write_document", write_document)
        patch.setattr(exchange, "lines", exported)
        yield


def _checked_result(to_dict: Any) -> Any:
    def made(self: Any) -> dict[str, Any]:
        document: dict[str, Any] = to_dict(self)
        check(document)
        return document

    return made
