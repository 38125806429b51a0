"""Several architectures of one function at once: a target for each, asked by settings.

What is known of the function, and its restoring, go to all of them. An architecture that cannot be
made at all (the code does not run there, a copy is refused) is a reason for each of its sizes and
never the end; what concerns the function as a whole (no rights, changed underneath) is raised.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from tuner.errors import AccessDenied, ChangedUnderneath, TargetError
from tuner.recording.reportline import Report
from tuner.records import Advice, FunctionFacts, Setting
from tuner.targets.seam import Endpoint, Maker, Target, Variant
from tuner.targets.witness import Witness, Witnesses


class Architectures(Target):
    """The targets of all architectures as one; by size alone it is the first one's."""

    def __init__(
        self, facts: FunctionFacts, of: Mapping[str, Target], notes: tuple[Advice, ...] = ()
    ) -> None:
        """``facts`` are those of the function as it is; ``of`` has at least one target; ``notes``
        are what a reader has to know."""
        self.notes = notes
        self._of = dict(of)
        self._facts = facts
        self._first = next(iter(self._of.values()))
        self.settings: Maker[Setting] = _Settings(self._of)

    @property
    def arches(self) -> tuple[str, ...]:
        """Those that are measured, in order."""
        return tuple(self._of)

    def of(self, arch: str) -> Target:
        """The target of one architecture."""
        return self._of[arch]

    def describe(self) -> FunctionFacts:
        """The function as it is, with what is recorded on each other architecture."""
        there = {}
        for arch, target in self._of.items():
            facts = self._facts if arch == self._facts.arch else target.describe()
            if facts.recorded_mb and arch != self._facts.arch:
                there[arch] = {"recorded_mb": list(facts.recorded_mb), **facts.platform}
        if not there:
            return self._facts
        return replace(self._facts, platform={**self._facts.platform, "architectures": there})

    def prepare(self, memory_mb: int) -> Variant:
        """On the first architecture."""
        return self._first.prepare(memory_mb)

    def recycle(self, memory_mb: int) -> Variant:
        """On the first architecture."""
        return self._first.recycle(memory_mb)

    def endpoint(self) -> Endpoint | None:
        """Where to invoke; a variant of another function says so itself."""
        return self._first.endpoint()

    def reports(self, request_ids: Sequence[str]) -> Mapping[str, Report]:
        """From whichever log has them."""
        return self.settings.reports(request_ids)

    def witness(self) -> Witness | None:
        """Those of all architectures, each of which has a function of its own."""
        of = {arch: target.witness() for arch, target in self._of.items()}
        found = {arch: witness for arch, witness in of.items() if witness is not None}
        return Witnesses(found) if found.keys() == of.keys() else None

    def restore(self) -> None:
        """All of them, also when one cannot be put back; the first failure is raised then."""
        failures: list[TargetError] = []
        for target in self._of.values():
            try:
                target.restore()
            except TargetError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def close(self) -> None:
        """Let go of all of them."""
        for target in self._of.values():
            target.close()


class _Settings:
    """Makes settings callable, each through its architecture's target."""

    one_at_a_time = False

    def __init__(self, of: Mapping[str, Target]) -> None:
        self._of = of

    def prepare_many(
        self, wanted: Iterable[Setting], /, *, fresh: bool = False
    ) -> Mapping[Setting, Variant | TargetError]:
        """All sizes of an architecture together, since that may be much cheaper."""
        sizes: dict[str, list[int]] = {}
        for setting in wanted:
            sizes.setdefault(setting.arch, []).append(setting.memory_mb)
        made: dict[Setting, Variant | TargetError] = {}
        for arch, asked in sizes.items():
            found = _all_of(self._of[arch], asked, fresh)
            made.update({Setting(size, arch): each for size, each in found.items()})
        return made

    def endpoint(self) -> Endpoint | None:
        """Where to invoke."""
        return next(iter(self._of.values())).endpoint()

    def reports(self, request_ids: Sequence[str]) -> Mapping[str, Report]:
        """From each log what it has of them."""
        found: dict[str, Report] = {}
        for target in self._of.values():
            missing = [each for each in request_ids if each not in found]
            found.update(target.reports(missing) if missing else {})
        return found


def _all_of(
    target: Target, sizes_mb: list[int], fresh: bool
) -> Mapping[int, Variant | TargetError]:
    try:
        return target.prepare_many(sizes_mb, fresh=fresh)
    except (AccessDenied, ChangedUnderneath):
        raise
    except TargetError as error:
        return dict.fromkeys(sizes_mb, error)
