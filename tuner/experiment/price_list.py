"""AWS's public price list: downloaded without credentials, kept in ``.tuner/prices.toml``.

``tuner.billing`` reads it; this file only moves bytes. The addresses are those of the AWS Price
List bulk API, which needs no account.
"""

import http.client
import json
import os
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tuner.billing.refresh import table_from_offer
from tuner.billing.table import PriceTable, price_table, table_from_toml, table_to_toml
from tuner.errors import NotFound, TunerError, UsageError, unreadable
from tuner.files import SETTINGS_BYTES, own_folder, read_bytes, read_text, written_whole

BULK_URL = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AWSLambda/current"
#: The file of all regions had 13.6 MB in September 2026; far more than that is something else.
_MOST_BYTES = 200_000_000

SAVED = Path(".tuner") / "prices.toml"


def offer_url(region: str | None, base: str = BULK_URL) -> str:
    """The address of one region's offer file, or of all regions' (``None``). Raises UsageError."""
    if region is None:
        return f"{base}/index.json"
    if not re.fullmatch(r"[a-z0-9-]{4,30}", region):
        raise UsageError(f"--region {region!r}", "is not a region", "Write it like eu-west-1.")
    return f"{base}/{region}/index.json"


def fetch_offer(url: str, timeout_s: float = 60.0) -> PriceTable:
    """Download and read an offer file; raises TunerError where that fails."""
    fix = f"Download {url} elsewhere, then run `tuner prices --from FILE`."
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:
            body = answer.read(_MOST_BYTES)
    except urllib.error.HTTPError as error:
        if error.code in (403, 404):
            raise NotFound(url, "AWS has no price list there", "Check the region.") from None
        raise TunerError(url, f"answered HTTP {error.code}", fix) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise TunerError("AWS price list", f"cannot be reached ({reason})", fix) from None
    return _read(body, url)


def read_offer(file: Path) -> PriceTable:
    try:
        body = read_bytes(file, _MOST_BYTES)
    except (OSError, ValueError) as error:
        raise unreadable(f"--from {file}", error) from None
    return _read(body, str(file))


def _read(body: bytes, name: str) -> PriceTable:
    try:
        offer: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise UsageError(
            name,
            "is not JSON, or was cut short",
            "Give the `index.json` of an AWSLambda offer.",
        ) from None
    return table_from_offer(offer, name)


def save_table(table: PriceTable, file: Path = SAVED) -> PriceTable:
    """Add these prices to the saved ones; returns all that are saved now."""
    saved = _saved(file)
    merged = saved.updated(table) if saved else table
    try:
        own_folder(file.parent)
        with written_whole(file, ours=True) as place:
            place.write_text(table_to_toml(merged), encoding="utf-8")
    except OSError as error:
        reason = f"cannot be written: {error.strerror or error}"
        fix = getattr(error, "fix", "Make its folder writable.")
        raise TunerError(str(file), reason, fix) from None
    return merged


def load_table(file: Path = SAVED) -> PriceTable:
    """The packaged table with the saved prices on top, where those are newer."""
    saved = _saved(file)
    return price_table().updated(saved) if saved else price_table()


def _saved(file: Path) -> PriceTable | None:
    if not os.path.lexists(file):
        return None
    fix = "Remove it, or make it readable."
    return table_from_toml(read_text(file, None, fix, SETTINGS_BYTES, plain=True), str(file))
