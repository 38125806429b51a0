"""The planner that comes last of a sweep's sizes: no answer without calls of its own.

The pick, its best rival and the current size are called in interleaved rounds until each has had
:data:`tuner.decide.outlook.VERIFIED` warm calls, and the choice is made again after each round.
"""

from collections.abc import Mapping

from tuner.decide.decide import Decider, Question
from tuner.decide.outlook import VERIFIED
from tuner.decide.planner import by_arch, left_of
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


#: The most that it takes: the pick, its rival and the current size, and as much again for another
#: pair that the first round brings up; two of them may be new.
MOST = ConfirmWork(_ROUNDS, 5 * VERIFIED, 2)


class Confirmation:
    """Plans the calls that make the answer sure, as far as the ``limit`` goes."""

    def __init__(self, questions: Mapping[str, Question], limit: Budget) -> None:
        """``questions`` by architecture."""
        self._questions, self._limit, self._rounds = questions, limit, 0

    def next(self, so_far: SoFar) -> Ask | Done:
        """Return the calls of the next round, or that the answer stands."""
        samples, lacking = calm(so_far.samples), dict[Setting, int]()
        of = by_arch(samples, self._questions)
        for arch, question in self._questions.items():
            decider = Decider(left_of(question, so_far.failed))
            lacking |= decider.lacking(of[arch], new=not self._rounds)
        lacking = {each: n for each, n in lacking.items() if each not in so_far.failed}
        if not lacking or self._rounds == _ROUNDS:
            return Done("the answer is confirmed", settled=True)
        self._rounds += 1
        wanted = {each: min(n, _AT_ONCE) for each, n in lacking.items()}
        counts = in_turn(wanted, self._limit.affordable_alike(so_far.spent))
        if not counts:
            return Done("the limit leaves no calls to confirm the answer", settled=True)
        return Ask(counts, "confirming " + ", ".join(f"{each.memory_mb:,} MB" for each in counts))
