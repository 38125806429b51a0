"""What users of aws-lambda-power-tuning bring and expect: its chart's URL, output and input.

Formats: the tool's README and state machine, and its UI's decoder (matteo-ronchetti/
aws-lambda-power-tuning-ui). Numbers only; nothing is sent anywhere, the URL holds the data itself.
"""

import base64
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tuner.errors import UsageError

_PAGE = "https://lambda-power-tuning.show/"
_USD_MOST, _SIZE_MOST = 3.4e38, 32_767  # of float32 and int16


@dataclass(frozen=True)
class Point:
    """One size: mean duration (ms) and mean cost of one invocation (USD)."""

    memory_mb: int
    duration_ms: float
    cost_usd: float


def chart_url(points: Sequence[Point], *, region: str = "us-east-1") -> str | None:
    """URL of the chart; ``None`` without points. In China the page shows CNY."""
    usable = [p for p in points if p.memory_mb <= _SIZE_MOST and p.duration_ms < _USD_MOST]
    if not usable:
        return None
    usable.sort(key=lambda p: p.memory_mb)
    sizes = struct.pack(f"<{len(usable)}h", *(p.memory_mb for p in usable))
    times = struct.pack(f"<{len(usable)}f", *(p.duration_ms for p in usable))
    costs = struct.pack(f"<{len(usable)}f", *(p.cost_usd for p in usable))
    currency = "?currency=CNY" if region.startswith("cn-") else ""
    fields = (base64.b64encode(part).decode("ascii") for part in (sizes, times, costs))
    return f"{_PAGE}{currency}#{';'.join(fields)}"


@dataclass(frozen=True)
class Output:
    """The tool's result: its pick, and the mean of every size where the file has ``stats``."""

    power: int
    cost_usd: float
    duration_ms: float
    points: tuple[Point, ...]


def read_output(text: str, name: str = "power-tuning output") -> Output:
    """Read its JSON result, flat as the state machine gives it or wrapped in ``results``."""
    document = _object(text, name)
    if isinstance(document.get("results"), dict):
        document = document["results"]
    points = []
    rows = document.get("stats") or []
    if not isinstance(rows, list):
        raise UsageError(name, "has stats that are no list", _OUTPUT_FIX)
    for row in rows:
        if not isinstance(row, dict):
            raise UsageError(name, "has stats that are not objects", _OUTPUT_FIX)
        points.append(
            Point(
                _whole(row, "value", name),
                _number(row, "averageDuration", name),
                _number(row, "averagePrice", name),
            )
        )
    return Output(
        power=_whole(document, "power", name),
        cost_usd=_number(document, "cost", name),
        duration_ms=_number(document, "duration", name),
        points=tuple(sorted(points, key=lambda p: p.memory_mb)),
    )


@dataclass(frozen=True)
class Wish:
    """Its input as our options; ``None`` where the file leaves the choice to the tool."""

    target: str | None
    sizes_mb: tuple[int, ...] | None
    samples: int | None
    strategy: str | None
    balance: float | None
    payload: Any = None
    weighted_payloads: tuple[Mapping[str, Any], ...] = field(default=())


def read_input(text: str, name: str = "power-tuning input") -> Wish:
    """Read its JSON input. A list payload is weighted only if all items have payload and weight."""
    document = _object(text, name)
    powers = document.get("powerValues")
    sizes: tuple[int, ...] | None = None
    if powers not in (None, "ALL"):
        if not isinstance(powers, list) or not powers:
            raise UsageError(name, "has powerValues that are no list", _INPUT_FIX)
        sizes = tuple(sorted({_whole({"power": p}, "power", name) for p in powers}))
    payload = document.get("payload")
    weighted = _weighted(payload)
    strategy = document.get("strategy")
    if strategy not in (None, "cost", "speed", "balanced"):
        raise UsageError(name, f"has an unknown strategy, {str(strategy)[:20]!r}", _INPUT_FIX)
    balance = document.get("balancedWeight")
    return Wish(
        target=str(document["lambdaARN"]) if document.get("lambdaARN") else None,
        sizes_mb=sizes,
        samples=_whole(document, "num", name) if "num" in document else None,
        strategy=strategy,
        balance=None if balance is None else _number(document, "balancedWeight", name),
        payload=None if weighted else payload,
        weighted_payloads=weighted,
    )


_OUTPUT_FIX = "Give the JSON that the state machine returned, with power, cost and duration."
_INPUT_FIX = "Give the JSON that the state machine is started with."


def _object(text: str, name: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(name, "is not JSON", str(error)[:80]) from None
    if not isinstance(document, dict):
        raise UsageError(name, "is not a JSON object", _OUTPUT_FIX)
    return document


def _number(row: Mapping[str, Any], key: str, name: str) -> float:
    """A finite number of at least 0, given as a number or as a string (the README's way)."""
    value = row.get(key)
    try:
        number = float(value) if isinstance(value, int | float | str) else float("nan")
    except (ValueError, OverflowError):
        number = float("nan")
    if isinstance(value, bool) or not 0.0 <= number < _USD_MOST:
        raise UsageError(name, f"has no usable {key!r}", _OUTPUT_FIX)
    return number


def _whole(row: Mapping[str, Any], key: str, name: str) -> int:
    number = _number(row, key, name)
    if number != int(number) or number < 1 or number > _SIZE_MOST:
        raise UsageError(name, f"has no usable {key!r}", _OUTPUT_FIX)
    return int(number)


def _weighted(payload: Any) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(payload, list) or not payload:
        return ()
    if all(isinstance(p, dict) and "payload" in p and "weight" in p for p in payload):
        return tuple(payload)
    return ()
