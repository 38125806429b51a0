"""The retry policies that a load may name: ``none``, ``backoff``, ``decorrelated``, ``adaptive``.

Names only; what each does is in ``retry.py`` and ``adaptive.py``.
"""

from collections.abc import Callable, Mapping

from tuner.engine.retry import Decorrelated, FullJitter, NoRetry, RetryPolicy

#: The SDKs' adaptive mode retries as their standard mode does; it also limits the rate.
ADAPTIVE = "adaptive"

POLICIES: Mapping[str, Callable[[], RetryPolicy]] = {
    "none": NoRetry,
    "backoff": FullJitter,
    "decorrelated": Decorrelated,
    ADAPTIVE: FullJitter,
}
