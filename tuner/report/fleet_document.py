"""A survey of an account as the JSON document ``tuner.fleet/1``, and as CSV."""

import csv
import io
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from tuner.decide.account import Survey, sentences
from tuner.decide.worth import Assessed

SCHEMA = "tuner.fleet/1"
_FUNCTION = ("name", "arn", "memory_mb", "timeout_s", "runtime", "arch", "package")
_MONTH = ("calls", "cost_usd", "logs_usd")
_FIGURES = ("p50_ms", "p95_ms", "used_mb", "cold_share", "init_share")
_SHARES = ("throttled_share", "error_share")


def fleet_document(survey: Survey) -> dict[str, Any]:
    """The document, as plain values."""
    start, end = (datetime.fromtimestamp(at, UTC).isoformat()[:19] + "Z" for at in survey.span_s)
    return {
        "schema": SCHEMA,
        "region": survey.region,
        "from": start,
        "to": end,
        "state": survey.state,
        "summary": list(sentences(survey)),
        "cost_usd_per_month": survey.cost_usd,
        "functions": [_function(each) for each in survey.functions],
        "gaps": list(survey.gaps),
        "queries": {**asdict(survey.queries), "usd": survey.queries.usd},
        "prices_dated": survey.dated,
        "report": survey.report,
    }


def _function(each: Assessed) -> dict[str, Any]:
    found = {name: getattr(each.use.function, name) for name in _FUNCTION}
    found |= {f"{name}_per_month": getattr(each, name) for name in _MONTH}
    found |= {name: getattr(each, name) for name in (*_FIGURES, *_SHARES)}
    return {
        **found,
        "with_init": each.with_init,
        "saves_usd_per_month": each.saves_usd,
        "sweep": None if each.prospect is None else asdict(each.prospect),
        "advised_mb": each.use.advised_mb,
        "sizes": [asdict(size) for size in each.use.logged],
        "findings": [asdict(finding) for finding in each.found],
        "gaps": dict(each.use.gaps),
    }


def fleet_csv(survey: Survey) -> str:
    """One line for each function: its figures, and the codes of what was found."""
    rows = []
    for each in fleet_document(survey)["functions"]:
        plain = {name: value for name, value in each.items() if not isinstance(value, list | dict)}
        plain.pop("sweep", None)
        sweep = each["sweep"] or {}
        chance = {"sweep_pays": sweep.get("pays"), "sweep_price_usd": sweep.get("price_usd")}
        codes = " ".join(finding["code"] for finding in each["findings"])
        rows.append({**plain, **chance, "findings": codes})
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()
