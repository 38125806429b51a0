"""The planner that comes last of a sweep's sizes: no answer without calls of its own.

The pick, its rivals and the current size are called in interleaved rounds until each has had
:data:`tuner.decide.outlook.VERIFIED` warm calls, and the choice is made again after each round.
Where calls cost nothing but time, rounds are repeated while the scatter of calls, or what the
machine does from round to round, is more than what sizes are told apart by.
"""

from collections.abc import Mapping
from itertools import zip_longest

from tuner.decide.decide import RIVALS, Decider, Question
from tuner.decide.outlook import VERIFIED
from tuner.decide.planner import by_arch, left_of
from tuner.decide.steady import MOST_AT_ONCE
from tuner.planning.ask import Ask, Done, SoFar
from tuner.planning.budget import Budget
from tuner.planning.grid import in_turn
from tuner.planning.work import ConfirmWork
from tuner.records import Setting
from tuner.store.documents import calm

#: So often at most: each round may bring up another pick, of the sizes that were called by then.
_ROUNDS = 4
#: Calls of each size in one round: few enough that sizes share what a machine does meanwhile.
_AT_ONCE = 5
#: Repeated rounds, and calls of each size in one: 130 calls in all tell the mean of calls that
#: scatter by 23 % to 2 %.
REPEATS, _AGAIN = 10, 12
#: Repeating may take half as long as all calls before it, and this many seconds in any case.
_PART, _LEAST_S = 0.5, 10.0


#: The most that it takes of an architecture; the pick, its rivals and the current size may be new.
_MOST = 5 * VERIFIED
MOST = ConfirmWork(_ROUNDS, _MOST, 2 + RIVALS, usual=2 * VERIFIED)
_MOST_FREE = _MOST + REPEATS * _AGAIN * MOST_AT_ONCE
MOST_FREE = ConfirmWork(_ROUNDS + REPEATS, _MOST_FREE, 2 + RIVALS, usual=_MOST_FREE // 4)


class Confirmation:
    """Plans the calls that make the answer sure, as far as the ``limit`` goes."""

    def __init__(self, questions: Mapping[str, Question], limit: Budget) -> None:
        """``questions`` by architecture."""
        self._questions, self._limit, self._rounds = questions, limit, 0
        self._calls, self._repeats, self._began_s = 0, 0, 0.0

    def next(self, so_far: SoFar) -> Ask | Done:
        """Return the calls of the next round, or that the answer stands."""
        if not self._rounds and not self._repeats:
            self._began_s = so_far.spent.seconds
        of = by_arch(calm(so_far.samples), self._questions)
        deciders = {
            arch: Decider(left_of(question, so_far.failed))
            for arch, question in self._questions.items()
        }
        new = not self._rounds
        ranked = [decider.lacking(of[arch], new=new).items() for arch, decider in deciders.items()]
        lacking = dict(each for rank in zip_longest(*ranked) for each in rank if each)
        lacking = {each: n for each, n in lacking.items() if each not in so_far.failed}
        left = self._limit.affordable_alike(so_far.spent)
        room = min(_MOST * len(deciders) - self._calls, left)
        wanted = {each: min(n, _AT_ONCE) for each, n in _first(lacking, room).items()}
        if lacking and left <= 0:
            return Done("the limit leaves no calls to confirm the answer", settled=True)
        if wanted and self._rounds < _ROUNDS:
            self._rounds += 1
            self._calls += sum(wanted.values())
            return Ask(wanted, "confirming the answer")
        again = [
            setting
            for arch, decider in deciders.items()
            if self._repeats < self._questions[arch].repeats and self._has_time(so_far)
            for setting in decider.unsteady(of[arch])
        ]
        if not again:
            return Done("the answer is confirmed", settled=True)
        if not (counts := in_turn(dict.fromkeys(again, _AGAIN), left)):
            return Done("the limit leaves no calls to tell sizes apart", settled=True)
        self._repeats += 1
        return Ask(counts, "telling them apart")

    def _has_time(self, so_far: SoFar) -> bool:
        taken = so_far.spent.seconds - self._began_s
        return taken < max(_PART * self._began_s, _LEAST_S)


def _first(wanted: Mapping[Setting, int], most: int) -> dict[Setting, int]:
    """As many calls as are left, the first settings' whole before the others': ten calls of the
    pick tell more than nine of each."""
    counts = dict[Setting, int]()
    for setting, calls in wanted.items():
        if (taken := min(calls, most - sum(counts.values()))) > 0:
            counts[setting] = taken
    return counts
