"""Ways to start, one after another: on demand, from a snapshot, in provisioned sandboxes.

What costs money by the hour comes last, since it is paid until it is given up.
"""

from collections.abc import Generator, Iterable

from tuner.planning.ask import Ask, Done, How, Stepwise
from tuner.planning.budget import Budget
from tuner.records import ON_DEMAND, Setting


class Starts(Stepwise):
    """Plans the first calls of each setting's start, and as many warm ones after them.

    ``each`` calls are made, but no more than ``at_once`` of a start whose first calls have to come
    together.
    """

    def __init__(self, settings: Iterable[Setting], each: int, at_once: int, limit: Budget) -> None:
        super().__init__()
        self._settings = sorted(settings, key=lambda one: (one.provisioned > 0, one.start))
        self._each, self._at_once, self._limit = each, at_once, limit

    def steps(self) -> Generator[Ask, None, Done]:
        """Ask for one way after the other; one that fails is followed by the next."""
        for setting in self._settings:
            if (reason := self._limit.ran_out(self.so_far.spent)) is not None:
                return Done(f"{reason} before {setting.start} was measured", settled=False)
            if setting.start == ON_DEMAND:
                yield Ask({setting: self._each}, "cold starts", How.COLD)
                yield Ask({setting: self._each}, "warm calls beside them")
            else:
                count = min(self._each, setting.provisioned or self._each, self._at_once)
                yield Ask({setting: count}, f"starting as {setting.start}", How.FIRST)
        failed = [one.start for one in self._settings if one in self.so_far.failed]
        if failed:
            words = ", ".join(dict.fromkeys(failed))
            return Done(f"{words} could not be measured as planned", settled=False)
        return Done("every way to start was measured", settled=True)
