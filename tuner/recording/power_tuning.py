"""The forms of aws-lambda-power-tuning: what it puts out, what it is started with, and its chart.

Formats: the tool's README and state machine, and the decoder of its page
(matteo-ronchetti/aws-lambda-power-tuning-ui). Text in, numbers and option texts out; what a file
does not say stays unknown. Nothing is opened here, and nothing is sent anywhere.
"""

import base64
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from tuner.errors import UsageError

_NUMBER_MOST, _SIZE_MOST = 3.4e38, 32_767  # of float32 and int16, in which the tool's chart is


@dataclass(frozen=True)
class SizePoint:
    """One size: mean duration (ms) and mean cost of one invocation (USD)."""

    memory_mb: int
    duration_ms: float
    cost_usd: float


def read_output(text: str, name: str = "power-tuning output") -> tuple[SizePoint, ...]:
    """The mean of every size, ascending: of ``stats``, else of the chart's address, else of its
    pick alone.

    The JSON is flat, as the state machine gives it, or wrapped as ``results``, as the console's
    ``output`` or as the text ``output`` of ``describe-execution``. UsageError else.
    """
    document = _unwrapped(_object(text, name, _OUTPUT_FIX))
    pick = SizePoint(document.whole("power"), document.number("duration"), document.number("cost"))
    rows = document.of.get("stats")
    if not rows:
        return _charted(document) or (pick,)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise document.refused("has stats that are not a list of objects")
    points: dict[int, SizePoint] = {}
    for row in (replace(document, of=row) for row in rows):
        size = row.whole("value")
        if size in points:
            raise document.refused(f"has two stats of {size} MB")
        points[size] = SizePoint(size, row.number("averageDuration"), row.number("averagePrice"))
    return tuple(points[size] for size in sorted(points))


def _unwrapped(document: "_Object") -> "_Object":
    for key in ("output", "results"):
        inner = document.of.get(key)
        if isinstance(inner, str):
            inner = _object(inner, f"{document.name}, {key}", document.fix).of
        if isinstance(inner, dict):
            document = replace(document, of=inner)
    if "executionArn" in document.of:  # an execution that has not ended well
        status = str(document.of.get("status"))[:30]
        raise document.refused(f"has no output; its status is {status}")
    return document


def _charted(document: "_Object") -> tuple[SizePoint, ...]:
    """The sizes in the chart's address; none if there is no such address."""
    machine = document.of.get("stateMachine")
    url = machine.get("visualization") if isinstance(machine, dict) else None
    if not isinstance(url, str) or "#" not in url:
        return ()
    try:
        return read_chart(url, document.name)
    except UsageError:
        if url.startswith(_PAGE):
            raise
        return ()  # a page of one's own, of another form


@dataclass(frozen=True)
class PowerTuningInput:
    """Its input in our words: the function, options by their names, and what is left out."""

    target: str | None
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_input(text: str, name: str = "power-tuning input") -> PowerTuningInput:
    """Read its JSON input; raises UsageError.

    A list payload is weighted only if all items have payload and weight.
    """
    document = _object(text, name, _INPUT_FIX)
    given = document.of
    target = given.get("lambdaARN")
    if target is not None and not (isinstance(target, str) and target.strip()):
        raise document.unusable("lambdaARN")
    options: dict[str, Any] = {**_sizes(document), **_payload(document)}
    if "num" in given:
        options |= {"method": "grid", "samples": document.whole("num")}
    if "strategy" in given:
        options["strategy"] = str(given["strategy"])
    if given.get("balancedWeight") is not None:
        options["balance"] = document.number("balancedWeight")
    for key, option in (("preProcessorARN", "pre"), ("postProcessorARN", "post")):
        if arn := given.get(key):
            if not isinstance(arn, str) or not arn.startswith("arn:"):
                raise document.unusable(key, "Give a function's ARN.")
            options[option] = arn
    # What is set but changes nothing here.
    unused = [key for key, value in given.items() if value and key not in _USED]
    notes = (f"{key[:40]} ({_WHY[key]})" if key in _WHY else key[:40] for key in unused)
    return PowerTuningInput(target, options, tuple(notes))


_OUTPUT_FIX = "Give the JSON that the state machine returned, with power, cost and duration."
_INPUT_FIX = "Give the JSON that the state machine is started with."
_USED = {
    *("lambdaARN", "powerValues", "num", "payload", "payloadS3", "strategy", "balancedWeight"),
    *("preProcessorARN", "postProcessorARN"),
    *("includeOutputResults", "disablePayloadLogs"),  # its output and logs are not made here
}
_WHY = {
    "parallelInvocation": "the plan paces its calls itself",
    "discardTopBottom": "no measurement is discarded",
    "autoOptimize": "a sweep changes nothing",
    "autoOptimizeAlias": "a sweep changes nothing",
    "onlyColdStarts": "--cold N forces cold starts",
    "dryRun": "the sweep is run",
}


@dataclass(frozen=True)
class _Object:
    """A JSON object, with the name of its file and the advice for errors."""

    of: Mapping[str, Any]
    name: str
    fix: str

    def refused(self, reason: str) -> UsageError:
        """The error of the whole object."""
        return UsageError(self.name, reason, self.fix)

    def unusable(self, key: str, fix: str = "") -> UsageError:
        """The error of a key's value."""
        return UsageError(self.name, f"has no usable {key!r}", fix or self.fix)

    def number(self, key: str) -> float:
        """A finite number of at least 0, given as a number or as a string (the README's way)."""
        value = self.of.get(key)
        try:
            number = float(value) if isinstance(value, int | float | str) else float("nan")
        except (ValueError, OverflowError):
            number = float("nan")
        if isinstance(value, bool) or not 0.0 <= number < _NUMBER_MOST:
            raise self.unusable(key)
        return number

    def whole(self, key: str) -> int:
        """A whole number from 1 up."""
        number = self.number(key)
        if number != int(number) or number < 1 or number > _SIZE_MOST:
            raise self.unusable(key)
        return int(number)


def _object(text: str, name: str, fix: str) -> _Object:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UsageError(name, "is not a JSON object", fix)
    return _Object(document, name, fix)


def _sizes(document: _Object) -> dict[str, str]:
    powers = document.of.get("powerValues")
    if powers is None:
        return {}
    if powers == "ALL":
        return {"memory": "128:10240"}
    if not isinstance(powers, list) or not powers:
        raise document.unusable("powerValues", 'Give a list of MB or "ALL".')
    each = (replace(document, of={"powerValues": power}) for power in powers)
    sizes = sorted({power.whole("powerValues") for power in each})
    return {"memory": ",".join(map(str, sizes))}


def _payload(document: _Object) -> dict[str, str]:
    """An object in S3 goes before the payload."""
    if url := document.of.get("payloadS3"):
        if not isinstance(url, str) or not url.startswith("s3://"):
            raise document.unusable("payloadS3", "Write s3://bucket/key.")
        return {"payload": url}
    if "payload" not in document.of:
        return {}
    payload = document.of["payload"]
    if is_weighted(payload):
        return {"payloads": json.dumps(payload)}
    return {"payload": payload_text(payload)}


def payload_text(payload: object) -> str:
    """The body that is sent: a text that is JSON as it stands, anything else as its JSON."""
    if isinstance(payload, str):
        try:
            load_json(payload)
        except (ValueError, RecursionError):
            return json.dumps(payload)
        return payload
    return json.dumps(payload)


def load_json(text: str) -> Any:
    """JSON as Lambda reads it, without Python's NaN and Infinity. Raises ValueError."""

    def refuse(word: str) -> None:
        raise ValueError(f"JSON has no {word}")

    return json.loads(text, parse_constant=refuse)


def is_weighted(payload: object) -> bool:
    """True for a list of payloads with weights, not one payload that is a list."""
    return (
        isinstance(payload, list)
        and bool(payload)
        and all(isinstance(item, dict) and {"payload", "weight"} <= item.keys() for item in payload)
    )


_PAGE = "https://lambda-power-tuning.show/"


def chart_url(points: Sequence[SizePoint], *, region: str = "us-east-1") -> str | None:
    """URL of the chart; ``None`` without points. In China the page shows CNY."""
    usable = [p for p in points if p.memory_mb <= _SIZE_MOST and p.duration_ms < _NUMBER_MOST]
    if not usable:
        return None
    usable.sort(key=lambda p: p.memory_mb)
    columns = zip(*((p.memory_mb, p.duration_ms, p.cost_usd) for p in usable), strict=True)
    parts = (struct.pack(f"<{len(usable)}{f}", *c) for f, c in zip("hff", columns, strict=True))
    fields = (base64.b64encode(part).decode("ascii") for part in parts)
    currency = "?currency=CNY" if region.startswith("cn-") else ""
    return f"{_PAGE}{currency}#{';'.join(fields)}"


def read_chart(url: str, name: str = "chart") -> tuple[SizePoint, ...]:
    """The sizes in the address of the tool's chart, ascending. Raises UsageError."""
    fix = "Copy the whole address; in a shell, put it into single quotes."
    parts = [unquote(part) for part in url.partition("#")[2].split(";")]
    try:
        raw = [base64.b64decode(part + "=" * (-len(part) % 4), validate=True) for part in parts]
        sizes, times, costs = (
            struct.unpack(f"<{len(part) // width}{form}", part)
            for part, width, form in zip(raw, (2, 4, 4), "hff", strict=True)
        )
        rows = list(zip(sizes, times, costs, strict=True))
    except (ValueError, struct.error):
        raise UsageError(name, "has a chart's address that cannot be read", fix) from None
    points = {size: SizePoint(size, _rounded(took), _rounded(cost)) for size, took, cost in rows}
    usable = all(0.0 <= number < _NUMBER_MOST for _, *pair in rows for number in pair)
    if not rows or len(points) < len(rows) or min(points) < 1 or not usable:
        raise UsageError(name, "has a chart's address without usable sizes", fix)
    return tuple(points[size] for size in sorted(points))


def _rounded(number: float) -> float:
    """The number as it was written: float32 holds seven digits."""
    return float(f"{number:.7g}")
