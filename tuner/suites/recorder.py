"""Stores the samples of a case: a run for each function, so that each has its own report."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ulid import ULID

from tuner.engine.batches import Payload
from tuner.records import Advice, RunRecord, RunState, Sample
from tuner.store.runs import Store
from tuner.suites.baseline import ENGINE, OPTION
from tuner.suites.result import SideOf
from tuner.suites.sides import CaseSide, CaseSides, Role
from tuner.suites.suite import Case

COMMAND = "bench"
#: Insertion decides between runs that start together, so that ``last`` is the candidate.
_ORDER = (Role.CONTROL, Role.BEFORE, Role.AFTER)


@dataclass(frozen=True)
class Label:
    """The bench of a trial's runs; ``confirming`` marks a trial that checks an alarm."""

    bench: str
    commit: str | None
    started_at: float
    confirming: bool = False


class Recorder:
    """Runs of one trial in the store: adds samples as they arrive, and closes the runs."""

    def __init__(
        self, store: Store, case: Case, sides: CaseSides, label: Label, payloads: Sequence[Payload]
    ) -> None:
        self._store = store
        shared = {OPTION: {"payload": payload_hash(payloads), "engine": ENGINE}}
        self._runs: dict[Role, RunRecord] = {}
        self._sides: dict[Role, SideOf] = {}
        for role in _ORDER:
            side = sides.of(role)
            if side is not None:
                run = _record(case, sides, side, label, shared)
                store.start(run)
                commit = side.commit if role is Role.BEFORE else label.commit
                self._runs[role] = run
                self._sides[role] = SideOf(side.label, run, commit)

    def heard(self, role: Role, samples: Sequence[Sample]) -> None:
        """Store samples of a function, which is the only one of its run."""
        own = [replace(s, setting=s.setting._replace(code="")) for s in samples]
        self._store.add(self._runs[role].run, own)

    def side(self, role: Role) -> SideOf | None:
        """The run of a function, if there is such a function."""
        return self._sides.get(role)

    def finish(self, state: RunState, now: float, warnings: Sequence[Advice] = ()) -> None:
        """Close every run (``now`` in seconds since the epoch)."""
        for run in self._runs.values():
            self._store.finish(run.run, state, now, warnings)


def payload_hash(payloads: Sequence[Payload]) -> str:
    """A hash of all payloads with their weights."""
    digest = hashlib.sha256()
    for payload in payloads:
        digest.update(f"{payload.weight:g} {len(payload.body)} ".encode() + payload.body)
    return f"sha256:{digest.hexdigest()}"


def _record(
    case: Case, sides: CaseSides, side: CaseSide, label: Label, shared: Mapping[str, Any]
) -> RunRecord:
    memory = ",".join(map(str, dict.fromkeys(each.memory_mb for each in sides.settings)))
    options = case.options.but(memory=memory)
    target = case.target
    if side.role is Role.BEFORE:
        target = f"{case.target} at {side.label}"
    elif side.role is Role.CONTROL:
        target = f"control of {case.target}"
    about = {
        "bench": label.bench,
        "case": case.name,
        "side": str(side.role),
        "confirming": label.confirming,
    }
    return RunRecord(
        run=str(ULID()),
        command=COMMAND,
        target=target,
        state=RunState.RUNNING,
        seed=options.seed,
        started_at=label.started_at,
        finished_at=None,
        options={**options.stored(), **about, **shared},
        facts=side.facts,
        warnings=sides.notes,
    )
