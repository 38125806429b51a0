"""One tuner of a run: the real targets, journal, applying and restoring, in a folder of its own.

It is a process as far as anybody can see: it has its steps, may be killed or interrupted at any of
them, and only what it has written to disk by then is left of it.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from simulation.chaos import Chaos, Crash, Process, Steps
from simulation.plan import CLAIMED_MB, Plan, Tuner
from simulation.service import Service
from simulation.state import LATEST, REGION
from simulation.turns import Turns
from simulation.world import NAME
from tuner.api.left import Left, look
from tuner.aws.applied import Applied, read_record, record_path
from tuner.aws.apply import Application, ApplyOptions
from tuner.aws.control import ControlPlane
from tuner.aws.lost import lost_on
from tuner.aws.restore import insist
from tuner.aws.session import AwsSession
from tuner.errors import TunerError
from tuner.records import ON_DEMAND, SNAP_START, Part, Setting
from tuner.targets.aws import AwsTarget, on_architectures
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.choices import Isolation
from tuner.targets.composite import Composite
from tuner.targets.names import parse_target
from tuner.targets.seam import Code, Variant

_ISOLATIONS = {
    "in-place": Isolation.IN_PLACE,
    "clone": Isolation.CLONE,
    "starts-clone": Isolation.CLONE,
}
_STARTS = (SNAP_START, "provisioned=2")
_OTHER = Code(b"other code", "before")


@dataclass
class Told:
    """What all tuners say, and what the service has answered, in order."""

    said: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)


class Played:
    """One tuner, from its beginning to when everything is restored."""

    def __init__(
        self, who: int, plan: Plan, service: Service, turns: Turns, folder: Path, told: Told
    ) -> None:
        self.plan, self.tuner, self.folder, self.told = plan, plan.tuners[who], folder, told
        self.run = f"01JZZZZZZZZZZZZZZZZZZZZZ{0 if plan.one_run else who:02}"
        self.ended: BaseException | None = None
        self.wrong: list[str] = []
        self._service = service
        self._undoing = False
        self._who = who
        self._disk: dict[str, bytes] = {}
        tuner: Tuner = self.tuner
        self._process = Process(turns, who, self._steps(tuner.crash_at, tuner.interrupts_at))
        self._chaos = Chaos(service, plan, Random(f"{plan}/{who}"), self._process, told.log)

    # -- what it does --------------------------------------------------------------------------

    def act(self) -> None:
        """Measure or apply, until it ends or is ended."""
        self.ended = self._ended_by(self._apply if self._applies else self._measure)
        self.told.said.append(f"{self.tuner.way} ended with {self.ended!r}")

    @property
    def _applies(self) -> bool:
        return self.tuner.way.startswith("apply")

    def _ended_by(self, act: Any) -> BaseException | None:
        try:
            act()
        except Crash as crash:
            self._put_disk_back()
            return crash
        except BaseException as error:
            return error
        return None

    def _measure(self) -> None:
        """What an experiment does: prepare settings, give ways to start back, restore."""
        way = self.tuner.way
        isolation = _ISOLATIONS.get(way, Isolation.VERSIONS)
        options = AwsOptions(
            journal=self.folder, isolation=isolation, clock=self._process, stop=self._stops
        )
        own = AwsTarget(self.control(), parse_target(NAME), options)
        target: Any = own
        self._called = target.endpoint().function
        try:
            facts = target.describe()
            if way == "architectures":
                target = on_architectures(own, "both")
            elif way == "code":
                beside = own.beside(_OTHER)
                target = Composite(facts, {Part(): own, Part(code="before"): beside})
            try:
                self._prepare(target)
            finally:
                insist(target.restore, self.told.said.append)
        finally:
            target.close()

    def _prepare(self, target: Any) -> None:
        settings = list(self._settings())
        in_place = [[each] for each in (*settings, settings[0])]
        for one in in_place if self.tuner.way == "in-place" else [settings]:
            prepared = target.prepare(one, stop=self._stops)
            ready = {s: made for s, made in prepared.items() if isinstance(made, Variant)}
            self.wrong += filter(None, (self._misprepared(s, ready[s]) for s in ready))
            self.told.said += [f"prepared {made}" for made in prepared.values()]
            for made in ready.values():
                target.release(made)
            self._process.sleep(1.0)  # the calls

    def _misprepared(self, setting: Setting, made: Variant) -> str | None:
        """Say what a variant is where it has other memory than its Setting, by our hand."""
        function = self._service.functions.get(made.function or self._called)
        called = made.qualifier or LATEST
        found = function and {LATEST: function.latest, **function.versions}.get(called)
        there_mb = found and found["MemorySize"]
        theirs = "memory" if called == LATEST else "prune"
        if there_mb == setting.memory_mb or self.plan.hands_on(theirs):
            return None
        return f"prepared {setting.memory_mb} MB, but {called} has {there_mb} MB"

    def _stops(self) -> bool:
        at = self.tuner.stops_at
        return at is not None and self._process.steps.count >= at

    def _settings(self) -> list[Setting]:
        way = self.tuner.way
        arches = ("x86_64", "arm64") if way == "architectures" else ("x86_64",)
        codes = ("", "before") if way == "code" else ("",)
        if way.startswith("starts"):
            return [Setting(self.tuner.sizes[0], "x86_64", start) for start in _STARTS]
        return [
            Setting(size, arch, ON_DEMAND, code)
            for size in self.tuner.sizes
            for arch in arches
            for code in codes
        ]

    def _apply(self) -> None:
        way, said = self.tuner.way, self.told.said.append
        application = Application(self.control(), NAME, self.folder, said)
        arch = "arm64" if way == "apply-arch" else None
        alias = None if way == "apply-latest" else "live"
        size = 640 if self.plan.one_run else 640 + 64 * self._who
        change = ApplyOptions(self.run, size, alias, arch=arch, publish=alias is not None)
        done = application.apply(change)
        self._process.sleep(self.plan.applied_s)
        if done is not None:
            self.wrong += self._unapplied(done)
            self._undoing = True
            application.undo(read_record(self.record))

    def _unapplied(self, done: Applied) -> list[str]:
        """Say what of an application that ended well is not there, by nobody else's hand."""
        plan, function = self.plan, self._service.functions.get(NAME)
        if len(plan.tuners) > 1 or function is None:
            return []
        latest, alias = function.latest, function.aliases.get(done.alias or "", {})
        expected = {
            "memory": (done.memory_mb, latest["MemorySize"]),
            "architecture": (done.arch or "x86_64", *latest["Architectures"]),
            "alias": (done.version if done.alias else None, alias.get("FunctionVersion")),
        }
        return [
            f"applied {wanted} ({field}), but it has {there}"
            for field, (wanted, there) in expected.items()
            if wanted != there and not plan.hands_on(field)
        ]

    def control(self) -> ControlPlane:
        """A control plane of its own."""
        url = self._chaos.meta.endpoint_url
        session = AwsSession(None, self._chaos, REGION, url, True)
        return ControlPlane(session, self._process, Random(self._who))

    # -- what is left, and restoring it ----------------------------------------------------------

    def calm_down(self) -> None:
        """Nothing fails or ends any more."""
        self._chaos.calm = True
        self._process.steps = self._steps(None, ())

    def left(self) -> list[Left]:
        """What its folder says is left; raises AssertionError for what cannot be read."""
        left, problems = look(self.folder, self.folder)
        assert not problems, f"cannot be read: {problems}"
        return left

    def restores_roughly(self) -> None:
        """Run `tuner restore` while all fails, and end it somewhere."""
        at = self.tuner.restore_ends_at
        if at is not None:
            ends = (at, ()) if at % 2 else (None, (at,))
            self._process.steps = self._steps(*ends)
            ended = self._ended_by(lambda: self.restore(self.told.said))
            self.told.said.append(f"restoring ended with {ended!r}")

    def restore(self, said: list[str]) -> None:
        """Restore as the user would; with a lost disk, by the function alone."""
        self._restore(said)
        if self.plan.disk_lost:
            self._restore_lost(said)

    def stands(self, tagged: bool) -> bool:
        """Tell if an application stands that only its record undoes: it is complete, or nothing on
        the function says that it is being undone."""
        return self.applied(complete=True) or (self._undoing and not tagged and self.applied())

    def forget(self, kept: set[Path]) -> None:
        """Lose what the folder has, but for some files."""
        for path in self.folder.iterdir():
            if path not in kept and path.is_file():
                path.unlink()

    def alter(self) -> None:
        """Claim another former size in its journals."""
        for path in self.folder.glob("*.jsonl"):
            first, *rest = path.read_text().splitlines(keepends=True)
            header = json.loads(first)
            header["before"]["memory_mb"] = CLAIMED_MB
            path.write_text("".join([json.dumps(header) + "\n", *rest]))

    @property
    def record(self) -> Path:
        """Where the record of its application is."""
        return record_path(self.folder, self.run)

    def applied(self, *, complete: bool = False) -> bool:
        """Tell if an application can be undone; ``complete``: one that has ended well."""
        path = self.record
        return path.exists() and (not complete or read_record(path).complete)

    def _restore(self, said: list[str]) -> None:
        for one in self.left():
            try:
                one.back(self.control(), self.told.said.append)
            except TunerError as error:
                said.append(str(error))
        if self._applies and self.applied(complete=True):
            application = Application(self.control(), NAME, self.folder, self.told.said.append)
            self._undoing = True
            try:
                application.undo(read_record(self.record))
            except TunerError as error:
                said.append(str(error))

    def _restore_lost(self, said: list[str]) -> None:
        """Restore by the function alone."""
        try:
            found = lost_on(self.control(), NAME)
        except TunerError as error:
            said.append(str(error))
            return
        for one in found:
            try:
                one.back(self.told.said.append)
            except TunerError as error:
                said.append(str(error))
                self.told.said.append(str(error))

    # -- its disk ----------------------------------------------------------------------------------

    def _steps(self, crash_at: int | None, interrupts_at: tuple[int, ...]) -> Steps:
        return Steps(crash_at, interrupts_at, self._keep_disk)

    def _keep_disk(self) -> None:
        self._disk = self._on_disk()

    def _on_disk(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def _put_disk_back(self) -> None:
        """What was written after the end is undone; the files of others are as they were."""
        now = self._on_disk()
        for name in now.keys() - self._disk.keys():
            (self.folder / name).unlink()
        for name, content in self._disk.items():
            if now.get(name) != content:
                (self.folder / name).write_bytes(content)
