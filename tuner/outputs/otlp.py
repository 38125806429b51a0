"""A sweep or a load as OpenTelemetry metrics, sent to a collector as JSON over HTTP (OTLP).

The metrics are those of the OpenMetrics text, so that a collector which writes Prometheus' names
gives the same. Protocol: https://opentelemetry.io/docs/specs/otlp/#otlphttp, variables:
https://opentelemetry.io/docs/specs/otel/protocol/exporter/. An endpoint is named for each export;
variables alone send nothing.
"""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from tuner import __version__
from tuner.errors import UsageError
from tuner.outputs.write import Posting, address, is_secure, post
from tuner.report.metrics import Family, Point, families

OPTION = "--otlp"
_PATH = "/v1/metrics"
#: Points in one request: some 2 MB, where collectors take 20 MB.
_BATCH = 5_000
#: Units as UCUM has them, by the word that a name ends in; it stays in names of other units.
_UCUM = {"seconds": "s", "megabytes": "MBy", "ratio": "1"}
_OTHER_UNITS = {"usd": "{USD}", "": ""}


def send_metrics(document: Mapping[str, Any], to: str) -> int:
    """Send a ``tuner.sweep/1`` or ``tuner.load/1`` to an endpoint, or to that in the variable of
    ``env:NAME``; return the number of points. Raises UsageError, or Partial where it is refused."""
    url, headers = endpoint(to), _headers()
    if headers and not is_secure(url):
        fix = "Use an https:// address, or unset OTEL_EXPORTER_OTLP_HEADERS."
        raise UsageError(f"{OPTION} (address hidden)", "would show the headers on the way", fix)
    sent = 0
    for request, points in _requests(document):
        post(url, request, OPTION, how=Posting(headers, plain=True, refusal=_rejected))
        sent += points
    return sent


def endpoint(to: str) -> str:
    """The URL that metrics are posted to: that of the metrics alone as it is, otherwise with the
    protocol's path. Raises UsageError."""
    url = address(to, OPTION, plain=True)
    parts = urlsplit(url)
    if to == "env:OTEL_EXPORTER_OTLP_METRICS_ENDPOINT" or parts.path.endswith(_PATH):
        return url
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + _PATH))


def _headers() -> dict[str, str]:
    """Those of the variables; later ones win, those of metrics over those of everything."""
    found = {}
    for name in ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_HEADERS"):
        found.update(_pairs(name))
    return found


def _pairs(variable: str) -> dict[str, str]:
    """``a=1,b=2`` of a variable, whose values are percent-encoded. Raises UsageError that does not
    show them."""
    found = {}
    for part in filter(str.strip, os.environ.get(variable, "").split(",")):
        name, equals, value = part.partition("=")
        name, value = name.strip(), unquote(value.strip())
        if not (name and equals) or not f"{name}{value}".isprintable() or not name.isascii():
            raise UsageError(variable, "cannot be read", "Write name=value,name=value.")
        found[name] = value
    return found


def _requests(document: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], int]]:
    """What is posted, each with its number of points."""
    named = {"service.name": "tuner", **_pairs("OTEL_RESOURCE_ATTRIBUTES")}
    if service := os.environ.get("OTEL_SERVICE_NAME"):
        named["service.name"] = service
    resource = {"attributes": _attributes(named.items())}
    scope = {"name": "tuner", "version": __version__}
    points = [(family, point) for family in families(document) for point in family.points]
    for start in range(0, len(points), _BATCH):
        batch = points[start : start + _BATCH]
        metrics: dict[str, dict[str, Any]] = {}
        for family, point in batch:
            metric = metrics.setdefault(family.name, _metric(family))
            metric["gauge"]["dataPoints"].append(_data_point(point))
        scoped = {"scope": scope, "metrics": [*metrics.values()]}
        yield {"resourceMetrics": [{"resource": resource, "scopeMetrics": [scoped]}]}, len(batch)


def _metric(family: Family) -> dict[str, Any]:
    """A gauge without points: ``tuner.load.latency`` in ``s`` for tuner_load_latency_seconds."""
    unit, name = _UCUM.get(family.unit), family.name
    if unit is not None:
        name = name.removesuffix(f"_{family.unit}")
    return {
        "name": name.replace("_", ".", 2),
        "description": family.help,
        "unit": _OTHER_UNITS[family.unit] if unit is None else unit,
        "gauge": {"dataPoints": []},
    }


def _data_point(point: Point) -> dict[str, Any]:
    return {
        "attributes": _attributes(point.labels),
        "timeUnixNano": str(round(point.at_s * 1000.0) * 1_000_000),
        "asDouble": point.value,
    }


def _attributes(labels: Any) -> list[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": text}} for name, text in labels]


def _rejected(answer: bytes) -> str | None:
    """Why a collector that answered 200 did not take everything."""
    try:
        told = json.loads(answer or b"{}").get("partialSuccess") or {}
        rejected = int(told.get("rejectedDataPoints", 0))
    except (ValueError, AttributeError, TypeError):
        return None  # it is accepted, whatever else the answer says
    return f"{rejected:,} points: {told.get('errorMessage', '')[:200]}" if rejected else None
