"""Memory sizes that AWS Compute Optimizer advises, where it is switched on; reads only.

Needs ``compute-optimizer:GetLambdaFunctionRecommendations``. It knows functions of up to 1,792 MB
with 50 invocations in 14 days, and neither latency nor architectures (Compute Optimizer user guide,
"Requirements").
"""

from collections.abc import Mapping
from typing import Any

from tuner.aws.calls import AwsService
from tuner.aws.configuration import unqualified

_PAGES = ("nextToken", "nextToken")


def advised_sizes(service: AwsService) -> dict[str, int]:
    """The size in MB that it ranks first, by function ARN. Raises our errors."""
    pages = service.pages("GetLambdaFunctionRecommendations", "Compute Optimizer", _PAGES)
    found: dict[str, int] = {}
    for page in pages:
        for each in page.get("lambdaFunctionRecommendations", ()):
            if (size := _first(each)) is not None:
                found[unqualified(str(each.get("functionArn", "")))] = size
    return found


def _first(of: Mapping[str, Any]) -> int | None:
    options = of.get("memorySizeRecommendationOptions") or ()
    first = min(options, key=lambda each: each.get("rank", 1 << 30), default=None)
    return None if first is None else first.get("memorySize")
