"""How far two runs of an unchanged function lie apart, told from the runs there have been.

Differences of neighbours are used, so that a change of level in the history counts once and not
in every run after it. What the runs' own sampling explains is taken off. Limit: a drift much
slower than the distance of two runs is seen only in part.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

#: Neighbouring differences from which a drift is told at all.
_FEWEST = 4
#: The drift is stated so high that it is too low with this probability only.
_TOO_LOW = 0.2


def between_runs(history: ArrayLike, errors: ArrayLike | None = None) -> float | None:
    """Standard deviation of the logarithm by which one run differs from another.

    ``history`` are values above zero in the order of their runs (for a comparison with a control:
    the function's over the control's); ``errors`` the standard errors of their logarithms, 0 where
    not given. ``None`` for fewer than five runs. The largest difference in ten is left out, as it
    may be a change; the result is an upper limit (80 %) for few runs know it badly.
    """
    logs = np.log(np.asarray(history, dtype=np.float64).ravel())
    kept = np.isfinite(logs)
    noise = np.zeros(logs.size) if errors is None else np.asarray(errors, dtype=np.float64).ravel()
    logs, noise = logs[kept], noise[kept]
    steps = np.diff(logs) ** 2
    if steps.size < _FEWEST:
        return None
    sampling = noise[1:] ** 2 + noise[:-1] ** 2
    left = np.argsort(steps)[: steps.size - steps.size // 10]
    # Neighbouring differences share a run: about two thirds of them are independent.
    freedom = max(left.size * 2.0 / 3.0, 2.0)
    kept_part = left.size / steps.size
    # The mean of the lower part of squared normal deviates, over that of all of them.
    bound = float(special.chdtri(1.0, 1.0 - kept_part))
    trimmed = float(special.chdtr(3.0, bound)) / kept_part if kept_part < 1.0 else 1.0
    seen = float(steps[left].mean()) / trimmed
    upper = seen * freedom / float(special.chdtri(freedom, 1.0 - _TOO_LOW))
    return float(np.sqrt(max(upper - float(sampling[left].mean()), 0.0)))
