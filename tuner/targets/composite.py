"""Several functions as one target: each architecture, or each code, has a part of its own.

A setting goes to the part of its architecture and code. A part that cannot be made at all (the
code does not run there, a copy is refused) is a reason for each of its settings and never the end;
what concerns the function as a whole (no rights, changed underneath) is raised.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from tuner.clock import never
from tuner.errors import TargetError
from tuner.recording import Recording
from tuner.recording.reportline import Report
from tuner.records import Advice, FunctionFacts, Invoked, Metered, Metric, Part, Setting, Traced
from tuner.targets.observers import EventTrail, ServiceMetrics
from tuner.targets.seam import Code, Endpoint, Prepared, Target, Variant, tried


class Composite(Target):
    """All parts as one target; what is asked without a setting is the first one's to answer."""

    def __init__(
        self, facts: FunctionFacts, parts: Mapping[Part, Target], notes: tuple[Advice, ...] = ()
    ) -> None:
        """``facts`` are those of the function as it is; there is at least one part."""
        self._parts = dict(parts)
        self._facts = facts
        self._first = next(iter(self._parts.values()))
        inner = (note for target in self._parts.values() for note in target.notes)
        self.notes = tuple(dict.fromkeys((*notes, *inner)))
        self.one_at_a_time = any(target.one_at_a_time for target in self._parts.values())

    def parts(self) -> Mapping[Part, Target]:
        return self._parts

    def describe(self) -> FunctionFacts:
        """The function as it is, with what is recorded on each other architecture."""
        there = {}
        for part, target in self._parts.items():
            if part.arch != self._facts.arch and not part.code:
                facts = target.describe()
                if facts.recorded_mb:
                    there[part.arch] = {"recorded_mb": list(facts.recorded_mb), **facts.platform}
        if not there:
            return self._facts
        return replace(self._facts, platform={**self._facts.platform, "architectures": there})

    def check(self, settings: Iterable[Setting]) -> None:
        for part, own in self._by_part(settings).items():
            self._parts[part].check(own)

    def prepare(
        self, settings: Iterable[Setting], *, fresh: bool = False, stop: Callable[[], bool] = never
    ) -> Prepared:
        """All settings of a part together, since that may be much cheaper."""
        made: dict[Setting, Variant | TargetError] = {}
        for part, own in self._by_part(settings).items():
            target = self._parts[part]
            found = tried(partial(target.prepare, own, fresh=fresh, stop=stop))
            if isinstance(found, TargetError):
                found = dict.fromkeys(own, found)
            made.update({setting: _named(each, target) for setting, each in found.items()})
        return made

    def release(self, variant: Variant) -> None:
        self._parts[variant.setting.part].release(variant)

    def endpoint(self) -> Endpoint | None:
        """The first part's endpoint; each variant names its own function."""
        return self._first.endpoint()

    def recordings(self) -> Mapping[Part, Recording]:
        return {
            part: recording
            for part, target in self._parts.items()
            for recording in target.recordings().values()
        }

    def reports(self, request_ids: Sequence[str]) -> Mapping[str, Report]:
        """From whichever log has them."""
        found: dict[str, Report] = {}
        for target in self._parts.values():
            missing = [each for each in request_ids if each not in found]
            found.update(target.reports(missing) if missing else {})
        return found

    def events(self, variant: Variant) -> EventTrail | None:
        return self._parts[variant.setting.part].events(variant)

    def beside(self, code: Code) -> Target:
        return self._first.beside(code)

    def published(self, qualifier: str) -> Variant:
        return self._first.published(qualifier)

    def metrics(self) -> ServiceMetrics | None:
        """Those of all architectures, each of which has a function of its own."""
        of = {part.arch: target.metrics() for part, target in self._parts.items()}
        found = {arch: service for arch, service in of.items() if service is not None}
        return _MetricsOfParts(found) if found.keys() == of.keys() else None

    def doubts(self) -> tuple[Advice, ...]:
        """Of the first: all of them are in one place."""
        return self._first.doubts()

    def altered(self) -> tuple[Advice, ...]:
        """Of all of them."""
        return tuple(advice for target in self._parts.values() for advice in target.altered())

    def restore(self) -> None:
        """All of them, also when one cannot be put back; the first failure is raised then."""
        failures: list[TargetError] = []
        for target in self._parts.values():
            try:
                target.restore()
            except TargetError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def close(self) -> None:
        """Let go of all of them, the last first: it may live beside an earlier one."""
        for target in reversed(self._parts.values()):
            target.close()

    def _by_part(self, settings: Iterable[Setting]) -> dict[Part, list[Setting]]:
        found: dict[Part, list[Setting]] = {}
        for setting in settings:
            found.setdefault(setting.part, []).append(setting)
        return found


def _named(made: Variant | TargetError, target: Target) -> Variant | TargetError:
    """The variant with the name of its part's function."""
    endpoint = target.endpoint()
    if isinstance(made, TargetError) or made.function is not None or endpoint is None:
        return made
    return replace(made, function=endpoint.function)


class _MetricsOfParts(ServiceMetrics):
    """The metrics of several architectures, each of a function of its own, as one."""

    def __init__(self, of: Mapping[str, ServiceMetrics]) -> None:
        self.traced = any(service.traced for service in of.values())
        self._of = of

    def metered(
        self,
        places: Sequence[Invoked],
        span_s: tuple[float, float],
        metrics: Collection[Metric] = tuple(Metric),
    ) -> Mapping[Invoked, Metered]:
        found: dict[Invoked, Metered] = {}
        for arch, service in self._of.items():
            theirs = [place for place in places if place.arch == arch]
            found |= service.metered(theirs, span_s, metrics) if theirs else {}
        return found

    def traces(self, span_s: tuple[float, float]) -> Sequence[Traced]:
        return [each for service in self._of.values() for each in service.traces(span_s)]

    def tell(self, text: str) -> None:
        next(iter(self._of.values())).tell(text)
