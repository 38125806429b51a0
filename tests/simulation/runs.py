"""One run of one tuner, or two, against the simulated service, and a verdict.

The ends that are allowed: the function is as it was, or as other hands have left it, and nothing of
ours is there; or the run ended with an error, and what is on disk lets ``tuner restore`` bring that
about once the service answers again.
"""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from simulation.plan import CLAIMED_MB, Plan, plan_of
from simulation.service import Service
from simulation.tuners import Played, Told
from simulation.turns import Turns
from simulation.world import NAME, World
from tuner.clock import VirtualClock
from tuner.errors import TunerError

#: Seconds after a run in which lost requests land and replicas catch up.
_LATER_S = 200.0


#: What is said of a function that may be ours or another hand's, and is left as it is.
_NOT_RESTORED = (
    *("was made anew, or others have taken", "either may be right"),
    "was changed since, or made anew, and no version of then is left",
    *("nothing on it says that run", "Set memory and description by hand"),
)


@dataclass
class Run:
    """One seed. ``wrong`` is empty if it ended as it may."""

    seed: int
    plan: Plan
    folder: Path
    code_url: str
    wrong: list[str] = field(default_factory=list)
    told: Told = field(default_factory=Told)

    def __post_init__(self) -> None:
        plan, self.clock = self.plan, VirtualClock()
        rng = Random(f"{self.seed}/world")
        self.service = Service(self.clock, rng, self.code_url)
        self.world = World(plan, rng, self.service)
        self.turns = Turns(self.clock, Random(f"{self.seed}/turns"), self.service.catch_up)
        folders = [self.folder if plan.one_folder else self.folder / str(who) for who in (0, 1)]
        self.tuners = [
            Played(who, plan, self.service, self.turns, folders[who], self.told)
            for who in range(len(plan.tuners))
        ]
        for one in self.tuners:
            one.folder.mkdir(exist_ok=True)

    def play(self) -> "Run":
        """Run it to the end, then restore, and judge both."""
        self.turns.run([(one.tuner.begins_s, one.act) for one in self.tuners])
        self._judge_end()
        if self.plan.disk_lost:
            kept = {one.record for one in self.tuners if one.stands(self.world.tagged(one.run))}
            for one in self.tuners:
                one.forget(kept)
        for one in self.tuners:
            if self.plan.altered:
                one.alter()
            one.restores_roughly()
            one.calm_down()
        self.service.fails = self.service.lag_s = 0.0
        self.service.takes_s = (0.2, 1.0)
        self._restore()
        return self

    def _judge_end(self) -> None:
        """Hold the state at the end of the processes against what they have said and kept."""
        self.service.catch_up()
        wrong = self.world.wrong()
        for one in self.tuners:
            self.wrong += one.wrong
            if isinstance(one.ended, Exception) and not isinstance(one.ended, TunerError):
                self.wrong.append(f"raised {one.ended!r}")
            for left in one.left():
                if NAME not in left.said() or "tuner restore" not in left.said():
                    self.wrong.append(f"says {left.said()!r}")
        if wrong and not any(one.left() or one.applied() for one in self.tuners):
            self.wrong.append(f"nothing on disk, but {'; '.join(wrong)}")
        if wrong and all(one.ended is None for one in self.tuners):
            self.wrong.append(f"ended well, but {'; '.join(wrong)}")

    def _restore(self) -> None:
        """Restore as the user would, and once more after lost requests have landed."""
        said: list[str] = []
        for _ in range(2):
            for one in self.tuners:
                one.restore(said)
            self.turns.wait(0, _LATER_S)
        self.told.said += said
        found = self.world.wrong()
        wrong = self._untold(found) + [one for one in found if f"is {CLAIMED_MB}," in one]
        if wrong:
            self.wrong.append(f"after restoring: {'; '.join(wrong)} (said: {said})")
        told = any(each in "".join(said) for each in _NOT_RESTORED)
        if any(one.left() for one in self.tuners) and not (self._stuck() or told):
            self.wrong.append(f"still on disk (said: {said})")

    def _stuck(self) -> bool:
        """Tell if an alias was said to stay, since the version before is deleted."""
        told = "".join(self.told.said)
        return "so it still points at" in told and "Point your aliases" in told

    def _untold(self, wrong: list[str]) -> list[str]:
        """Leave out what a function alone cannot say, or what cannot be ended, if that was told."""
        if self._stuck():
            beside = ("alias at", "versions", "tags")
            wrong = [one for one in wrong if not one.startswith(beside)]
        told = "".join(self.told.said)
        if "was deleted, so it still points at" in told:  # others deleted the version before
            wrong = [one for one in wrong if not one.startswith("alias at")]
        applies = any(one.tuner.way.startswith("apply") for one in self.tuners)
        if len(self.tuners) == 2 and "MB that this run set; left alone" in told:
            sizes = (
                "MemorySize is 640",
                "MemorySize is 704",
            )  # the first was undone before the second
            wrong = [one for one in wrong if not one.startswith(sizes)]
        if len(self.tuners) == 2 and self._stuck() and "is changing it" in told:
            # The second keeps its tags until its version can go, so the first has to wait for it.
            left = ("MemorySize is 640", "Architectures is")
            wrong = [one for one in wrong if not one.startswith(left)]
        if "or made anew, and no version of then is left" in told:  # and how to set it by hand
            left = ("MemorySize is", *["Architectures is"] * ("deploy it for" in told))
            left += ("alias at",) * ("and where live points" in told)
            wrong = [one for one in wrong if not one.startswith(left)]
        if "was made anew, or others have taken" in told:
            left = ("MemorySize is", *["SnapStart is"] * ("SnapStart may be" in told))
            wrong = [one for one in wrong if not one.startswith(left)]
        if not (self.plan.disk_lost or self.plan.altered):
            return wrong
        overwrites = {"description", "memory+description", "redeploy", "adopt"}
        if self.plan.untaggable and overwrites & {hand for _, hand in self.plan.hands}:
            # Nothing anywhere says any more that a run was there, but what it said when it ended.
            wrong = [one for one in wrong if not one.startswith(("MemorySize is", "SnapStart is"))]
        phrases = _NOT_RESTORED if self.plan.altered else _NOT_RESTORED[:3]
        kept = any(each in told for each in phrases)
        may = {
            "Description is": "its former description is lost" in told,
            "MemorySize is": kept,
            "SnapStart is": "SnapStart is on" in told or "MB and SnapStart" in told,
            # of a version that others published, tags do not say who has pointed an alias at it
            "alias at": "is identical" in told,
            "tags": kept,
        }
        stands = any(one.applied() for one in self.tuners) and "is changing it" in told
        told_of = tuple(key for key, said in may.items() if said)
        if ("kept in this directory only" in told and applies) or stands:
            told_of += ("MemorySize is", "Architectures is", "alias at", "versions")
        return [one for one in wrong if not one.startswith(told_of)]


def play(seed: int, folder: Path, code_url: str, plan: Plan | None = None) -> Run:
    """Play one seed in an empty folder; ``plan`` in place of its own."""
    _empty(folder)
    return Run(seed, plan or plan_of(seed), folder, code_url).play()


def _empty(folder: Path) -> None:
    for path in list(folder.iterdir()):
        if path.is_dir():
            _empty(path)
            path.rmdir()
        else:
            path.unlink()


#: What a failing plan is tried without, one after another.
_QUIET = Plan(())


def shrunk(run: Run) -> Run:
    """A run of the same seed that still ends wrongly, with as little going wrong as can be."""
    found, smaller = run, True
    while smaller:
        smaller = False
        for plan in _smaller(found.plan):
            tried = None
            with suppress(AssertionError):
                tried = play(run.seed, run.folder, run.code_url, plan)
            if tried is not None and tried.wrong:
                found, smaller = tried, True
                break
    return found


def _smaller(plan: Plan) -> list[Plan]:
    """Plans with one thing less."""
    odd = [key for key, value in vars(plan).items() if value != getattr(_QUIET, key)]
    plans = [replace(plan, **{key: getattr(_QUIET, key)}) for key in odd if key != "tuners"]
    for at in range(len(plan.hands)):
        plans.append(replace(plan, hands=plan.hands[:at] + plan.hands[at + 1 :]))
    for at, one in enumerate(plan.tuners):
        if len(plan.tuners) > 1:
            plans.append(replace(plan, tuners=plan.tuners[:at] + plan.tuners[at + 1 :]))
        less = [replace(one, crash_at=None), replace(one, interrupts_at=())]
        less += [replace(one, stops_at=None)]
        less += [replace(one, restore_ends_at=None), replace(one, sizes=one.sizes[:1])]
        less += [replace(one, begins_s=0.0)]
        plans += [
            replace(plan, tuners=(*plan.tuners[:at], each, *plan.tuners[at + 1 :]))
            for each in less
            if each != one
        ]
    return plans


def report(run: Run, lines: int = 60) -> str:
    """Say what a failing seed did, with as little going wrong as can be."""
    small = shrunk(run)
    log = [*small.told.log[-lines:], *small.told.said[-12:]]
    return "\n".join([f"seed {run.seed}: {small.plan.told()}", *log, *small.wrong])
