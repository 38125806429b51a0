"""The planner of a case: all sides called in turn, round after round, until every gate is settled.

Within a round every side is called as often as every other, each time in another order, so that
whatever the machine or platform does to one it does to all. Each setting stops as soon as it is
clear; what is not clear goes on to the next planned look. The statistics are those of
:mod:`tuner.suites.verdict`; here is only when to call, and what is judged against what.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tuner.engine.batches import SizeLoad
from tuner.model.looks import Looks, planned
from tuner.planning.ask import Ask, Done, How, Stepwise
from tuner.records import Purpose, Sample, Setting
from tuner.suites.gate import Gate
from tuner.suites.judgement import Judgement, Rules, Verdict
from tuner.suites.result import Design
from tuner.suites.side import Pair, side_of
from tuner.suites.sides import Role
from tuner.suites.verdict import judge_all

#: Calls of each side at each setting in a round: few enough that a round is short beside the
#: drift of a machine, many enough that a batch is worth its start.
ROUND = 4
#: Calls of the control beside a load, half before and half after it.
BESIDE_A_LOAD = 40

Cost = Callable[[Sample], float | None]
Verdicts = dict[Setting, tuple[Judgement, ...]]
_NAMES = {
    Role.BEFORE: "the version before",
    Role.AFTER: "the candidate",
    Role.CONTROL: "the control",
}


@dataclass(frozen=True, eq=False)
class Stored:
    """The samples of a baseline and of its control, by setting."""

    samples: Mapping[Setting, Sequence[Sample]] = field(default_factory=dict)
    control: Mapping[Setting, Sequence[Sample]] = field(default_factory=dict)

    @classmethod
    def of(cls, samples: Iterable[Sample], control: Iterable[Sample]) -> "Stored":
        """Sort samples by setting."""
        return cls(_by_setting(samples), _by_setting(control))


@dataclass(frozen=True, eq=False)
class RoundPlan:
    """Plan of a trial. ``gates`` are those of each of the candidate's settings; ``full`` never
    stops early. ``apart``: recordings answer, so that rounds say nothing of what happened to all.
    """

    gates: Mapping[Setting, tuple[Gate, ...]]
    roles: Sequence[Role]
    rules: Rules
    design: Design
    most: int
    cost: Cost
    cold: int = 0
    full: bool = False
    load: SizeLoad | None = None
    stored: Stored = field(default_factory=Stored)
    apart: bool = False

    def looks(self) -> Looks:
        """Calls a side at which to look; once under a load or when everything is asked for."""
        total = self.most + self.cold
        return planned(total, looks=1) if self.full or self.load else planned(total)


class Rounds(Stepwise):
    """Plans the calls of one trial; ``verdicts`` judges by what there is, at any time."""

    def __init__(self, plan: RoundPlan) -> None:
        super().__init__()
        self._plan = plan
        self._looks = plan.looks()

    def steps(self) -> Generator[Ask, None, Done]:
        """Call all sides up to the next look, judge, and go on with what is not settled."""
        plan = self._plan
        if plan.load is not None:
            yield from self._under_load(plan.load)
            return Done("every size was put under load", settled=True)
        left, calls, cold = list(plan.gates), 0, 0
        while left:
            following = self._looks.next(calls)
            assert following is not None, "settings are left only while there is a look to come"
            cold_due = round(following * plan.cold / self._looks.most)
            yield from self._warm(left, following - calls - (cold_due - cold), plan.roles)
            yield from self._cold(left, cold_due - cold)
            calls, cold = following, cold_due
            found = self.verdicts(self.so_far.samples, able(left, self.so_far.failed))
            left = [s for s in found if next_look(found[s], calls, self._looks) is not None]
        return Done("every gate is settled", settled=True)

    def verdicts(self, samples: Iterable[Sample], among: Iterable[Setting]) -> Verdicts:
        """Judge those settings that were called, by these samples."""
        plan, looks = self._plan, self._looks
        if plan.load is not None:
            samples = (s for s in samples if s.setting.load or s.setting.code == Role.CONTROL.code)
        of = _by_setting(samples)
        rules = replace(plan.rules, looks=None if plan.load else looks)
        found = {}
        for setting in among:
            gates = plan.gates[setting]
            if plan.design is Design.ALONE:  # only objectives where there is no other side
                gates = tuple(gate for gate in gates if gate.limit is not None)
            if setting in of:
                found[setting] = judge_all(gates, pair(plan, setting, of), rules)
        return found

    def _warm(
        self, settings: Sequence[Setting], count: int, roles: Sequence[Role]
    ) -> Generator[Ask, None, None]:
        for begun in range(0, count, ROUND):
            each = min(ROUND, count - begun)
            yield Ask(self._counts(settings, each, roles), f"calling {listed(roles)} in turn")

    def _cold(self, settings: Sequence[Setting], count: int) -> Generator[Ask, None, None]:
        if count > 0:
            roles = self._plan.roles
            counts = self._counts(settings, count, roles)
            yield Ask(counts, f"starting {listed(roles)} cold", How.COLD)

    def _counts(
        self, settings: Sequence[Setting], count: int, roles: Sequence[Role]
    ) -> dict[Setting, int]:
        failed = self.so_far.failed
        wanted = [one._replace(code=r.code) for one in able(settings, failed) for r in roles]
        return {one: count for one in wanted if one.alone not in failed}

    def _under_load(self, load: SizeLoad) -> Generator[Ask, None, None]:
        """Put all sides but the control under one load whose calls they share, setting by setting;
        the control is called alone before and after."""
        roles = [role for role in self._plan.roles if role is not Role.CONTROL]
        control = [role for role in self._plan.roles if role is Role.CONTROL]
        for setting in self._plan.gates:
            if control:
                yield from self._warm([setting], BESIDE_A_LOAD // 2, control)
            loaded = setting._replace(load=load.profile.name)
            why = f"putting {listed(roles)} under load"
            counts = {loaded._replace(code=role.code): 0 for role in roles}
            yield Ask(counts, why, How.LOAD, load, alone=1)
            if control:
                yield from self._warm([setting], BESIDE_A_LOAD // 2, control)
            yield from self._cold([loaded], self._plan.cold)


def next_look(judgements: Sequence[Judgement], calls: int, looks: Looks) -> int | None:
    """Calls per side to have before judging again; ``None``: stop.

    A gate that no number of calls can settle (``enough`` is ``None``) does not keep a run going
    beyond its first look. A regression whose ratio lies below the gate does: further calls may
    show that it is too small to matter.
    """
    following = looks.next(calls)
    if following is None or calls < looks.calls[0]:
        return following
    return None if all(_settled(j) for j in judgements) else following


def _settled(judgement: Judgement) -> bool:
    """True if further calls would hardly change the verdict."""
    if judgement.verdict is Verdict.CANNOT_TELL:
        return judgement.enough is None
    if judgement.verdict is not Verdict.REGRESSED or judgement.gate.limit is not None:
        return True
    small = judgement.ratio is not None and judgement.ratio < 1.0 + judgement.gate.rise
    return judgement.gate.subject.share or not small


def able(settings: Iterable[Setting], failed: Iterable[Setting]) -> list[Setting]:
    """Those of the candidate's settings that could be made callable on every side; the control is
    a witness, without which the rest goes on."""
    control = Role.CONTROL.code
    lost = {each._replace(code="", load="") for each in failed if each.code != control}
    return [setting for setting in settings if setting.alone not in lost]


def pair(plan: RoundPlan, setting: Setting, of: Mapping[Setting, Sequence[Sample]]) -> Pair:
    """Both sides at a setting, and their controls."""
    after = side_of(of.get(setting, ()), plan.cost)
    if plan.design is Design.INTERLEAVED:
        before = side_of(of.get(setting._replace(code=Role.BEFORE.code), ()), plan.cost)
        apart = plan.load is not None or plan.apart
        return Pair(before.without_rounds() if apart else before, after, True)
    before = side_of(plan.stored.samples.get(setting, ()), plan.cost).without_rounds()
    then = plan.stored.control.get(setting, ())
    now = of.get(setting._replace(code=Role.CONTROL.code), ())
    control = None
    if then and now:
        both = side_of(then, plan.cost), side_of(now, plan.cost)
        control = both[0].without_rounds(), both[1].without_rounds()
    return Pair(before, after, False, control)


def listed(roles: Sequence[Role]) -> str:
    """Roles as a sentence names them."""
    return " and ".join(_NAMES[role] for role in Role if role in roles)


def _by_setting(samples: Iterable[Sample]) -> dict[Setting, list[Sample]]:
    """Samples that are no warm-up, by what was called, under load or alone."""
    found: dict[Setting, list[Sample]] = {}
    for sample in samples:
        if sample.purpose is not Purpose.WARM_UP:
            found.setdefault(sample.setting.alone, []).append(sample)
    return found
