"""The order of warm calls: sizes interleaved, so that drift is no property of a size.

Pure arithmetic with a seeded generator; sending is the session's.
"""

from collections.abc import Mapping
from random import Random

from tuner.records import Setting


def interleave(wanted: Mapping[Setting, int], random: Random) -> list[Setting]:
    """The sizes in the order of their calls; each appears as often as wanted.

    Every size is spread over the whole batch: its i-th of n calls falls at a random place within
    the i-th n-th. Neither a slow drift nor a periodic disturbance can favour one of them.
    """
    places = [
        ((number + random.random()) / count, size)
        for size, count in sorted(wanted.items())
        for number in range(count)
    ]
    return [size for _, size in sorted(places)]
