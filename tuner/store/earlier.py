"""Runs that were stored before samples had Settings: which calls were under a load, or started how.

Their documents say it by numbers of calls (``frames`` of ``size-loads`` and ``startups``). Here,
and nowhere else, that becomes the Settings of samples and documents as they are now: for good when
a store is migrated or a file delivered, and on the fly when an exported run is read.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select, update

from tuner.records import Purpose, Sample, Setting
from tuner.store.plain import dumps
from tuner.store.tables import documents, runs, samples

#: The documents that had frames.
_LOADS, _STARTS = "size-loads", "startups"


@dataclass(frozen=True)
class FrameChange:
    """Calls from ``first`` up to ``last`` have this field of a Setting; of a load, only those of
    its size."""

    field: str
    value: str
    first: int
    last: int
    load_of_mb: int | None = None

    def of(self, setting: Setting) -> Setting:
        """Return the setting as these calls have it."""
        if self.field == "load":
            return setting._replace(load=self.value)
        return setting._replace(start=self.value)

    def concerns(self, sample: Sample) -> bool:
        """Return whether it is one of these calls."""
        if not self.first <= sample.call <= self.last:
            return False
        of_load = sample.purpose is Purpose.LOAD and sample.memory_mb == self.load_of_mb
        return self.load_of_mb is None or of_load


Documents = Mapping[str, Mapping[str, Any]]


def brought_up(
    stored: Sequence[Sample], of_run: Documents, arch: str
) -> tuple[tuple[Sample, ...], dict[str, Mapping[str, Any]]]:
    """Samples and documents of a run as they are now; ``arch`` is that of its function."""
    changes, new = _read(of_run, arch)
    if not new:
        return tuple(stored), dict(of_run)
    return tuple(_changed(sample, changes) for sample in stored), {**of_run, **new}


def bring_up(connection: Connection, key: int | None = None) -> None:
    """Change one run in the database, or every one that was stored so."""
    wanted = select(documents.c.run_id, documents.c.name, documents.c.body, runs.c.facts)
    wanted = wanted.join(runs, runs.c.id == documents.c.run_id)
    wanted = wanted.where(documents.c.name.in_([_LOADS, _STARTS]))
    if key is not None:
        wanted = wanted.where(documents.c.run_id == key)
    for run_id, name, body, facts in connection.execute(wanted).all():
        changes, new = _read({name: _object(body)}, str(_object(facts).get("arch", "x86_64")))
        for change in changes:
            its = (samples.c.run_id == run_id) & samples.c.call.between(change.first, change.last)
            if change.load_of_mb is not None:
                its &= samples.c.purpose == str(Purpose.LOAD)
                its &= samples.c.memory_mb == change.load_of_mb
            values = {change.field: change.value}
            connection.execute(update(samples).where(its).values(values))
        for own, document in new.items():
            its = (documents.c.run_id == run_id) & (documents.c.name == own)
            connection.execute(update(documents).where(its).values(body=dumps(document)))


def _changed(sample: Sample, changes: Sequence[FrameChange]) -> Sample:
    for change in changes:
        if change.concerns(sample):
            sample = replace(sample, setting=change.of(sample.setting))
    return sample


def _read(of_run: Documents, arch: str) -> tuple[list[FrameChange], dict[str, Mapping[str, Any]]]:
    """Return what frames say of samples, and the documents without them."""
    changes: list[FrameChange] = []
    new: dict[str, Mapping[str, Any]] = {}
    for name, parse in ((_LOADS, _of_load), (_STARTS, _of_start)):
        body = of_run.get(name, {})
        if not isinstance(body.get("frames"), list):
            continue
        try:
            found = [parse(frame, body, arch) for frame in body["frames"]]
        except (KeyError, TypeError, ValueError):
            continue
        changes += [change for change, _ in found]
        rest = {field: value for field, value in body.items() if field != "frames"}
        new[name] = {**rest, "each": [facts for _, facts in found]}
    return changes, new


def _of_load(
    frame: Mapping[str, Any], body: Mapping[str, Any], arch: str
) -> tuple[FrameChange, dict[str, Any]]:
    name = str(body["asked"]["profile"])
    first, last = _numbers(frame)
    return FrameChange("load", name, first, last, int(frame["memory_mb"])), {
        **dict(_facts(frame)),
        "arch": arch,
        "load": name,
    }


def _of_start(
    frame: Mapping[str, Any], _body: Mapping[str, Any], arch: str
) -> tuple[FrameChange, dict[str, Any]]:
    start = str(frame["variant"])
    first, last = _numbers(frame)
    known = {name: value for name, value in _facts(frame) if name != "variant"}
    return FrameChange("start", start, first, last), {**known, "arch": arch, "start": start}


def _numbers(frame: Mapping[str, Any]) -> tuple[int, int]:
    first = int(frame["first_call"])
    return first, first + int(frame["numbers"]) - 1


def _facts(frame: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """All of a frame but its numbers."""
    return ((k, v) for k, v in frame.items() if k not in ("first_call", "numbers"))


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
