"""The chart that users of aws-lambda-power-tuning know: its URL, which holds the data itself.

Format: the page's decoder (matteo-ronchetti/aws-lambda-power-tuning-ui). Nothing is sent anywhere.
"""

import base64
import struct
from collections.abc import Sequence

from tuner.recording.power_tuning import Point

_PAGE = "https://lambda-power-tuning.show/"
_USD_MOST, _SIZE_MOST = 3.4e38, 32_767  # of float32 and int16


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
