"""One run of the real targets, journal and restoring against the simulated service, and a verdict.

The ends that are allowed: the function is as it was, or as other hands have left it, and nothing of
ours is there; or the run ended with an error, and what is on disk lets ``tuner restore`` bring that
about once the service answers again.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from simulation.chaos import NAME, THEIRS, Chaos, Crash, Plan, StepClock, Steps, plan_of
from simulation.service import REGION, Config, Function, Service
from tuner.api.left import Left, look
from tuner.aws.applied import read_record, record_path
from tuner.aws.apply import Application, ApplyOptions
from tuner.aws.control import ControlPlane
from tuner.aws.lost import lost_on
from tuner.aws.policy import CLONE_PREFIX
from tuner.aws.restore import insist
from tuner.aws.session import AwsSession
from tuner.errors import TunerError
from tuner.records import SNAP_START, Setting
from tuner.targets.aws import AwsTarget, on_architectures
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.choices import Isolation
from tuner.targets.names import parse_target

RUN = "01JZZZZZZZZZZZZZZZZZZZZZZZ"
#: Seconds after a run in which lost requests land and replicas catch up.
_LATER_S = 200.0
_KEYS = ("MemorySize", "Description", "Timeout", "Environment", "CodeSha256", "Architectures")


@dataclass
class Shadow:
    """The function as it would be without us."""

    config: Config
    versions: set[str]
    alias: str | None
    memory_ours_too: bool = False  # another hand has set a size that we set, too
    gone: bool = False


@dataclass
class World:
    """The service, the function on it, other hands, and what of it is not ours."""

    plan: Plan
    rng: Random
    clock: StepClock
    service: Service
    shadow: Shadow = field(init=False)

    def __post_init__(self) -> None:
        plan, service = self.plan, self.service
        service.lag_s, service.takes_s, service.fails = plan.lag_s, plan.takes_s, plan.fails
        service.tags_move = plan.tags_move
        self._deploy()
        for moment, hand in plan.hands:
            service.at(moment, lambda hand=hand: self._hand(hand))  # type: ignore[misc]

    def _deploy(self) -> None:
        function = self.service.add(NAME)
        first = self.service.publish(NAME, "first")
        alias = {"Name": "live", "FunctionVersion": first["Version"], "RevisionId": "alias-1"}
        function.aliases["live"] = alias
        self.shadow = Shadow(deepcopy(function.latest), set(function.versions), first["Version"])

    def _hand(self, hand: str) -> None:
        """Somebody else's change; one that meets ours in progress is tried again, as tools do."""
        service, shadow = self.service, self.shadow
        function = service.functions.get(NAME)
        if function is None:
            return
        if hand in ("delete", "redeploy"):
            del service.functions[NAME]
            shadow.gone = True
            if hand == "redeploy":
                self._deploy()
            return
        if function.latest["LastUpdateStatus"] == "InProgress":
            service.at(service.now + 1.0, lambda: self._hand(hand))
        elif hand == "publish":
            made = service.publish(NAME, "theirs")
            if made["Description"] == "theirs":  # otherwise Lambda gave them one of ours
                shadow.versions.add(made["Version"])
        elif hand == "alias":
            shadow.alias = self.rng.choice(sorted(shadow.versions))
            function.aliases["live"].update(
                FunctionVersion=shadow.alias, RevisionId=service.revision()
            )
        else:
            changed = self._fields(hand)
            if hand == "code":  # other code stays on the architecture that it was deployed for
                shadow.config["Architectures"] = function.latest["Architectures"]
            service.change(NAME, **changed)
            shadow.config.update(changed)

    def _fields(self, hand: str) -> Config:
        memory = {"MemorySize": self.rng.choice(THEIRS)}
        text = {"Description": f"build {self.rng.randint(1, 99)}"}
        fields: dict[str, Config] = {
            "memory": memory,
            "description": text,
            "memory+description": {**memory, **text},
            "timeout": {"Timeout": self.rng.randint(31, 60)},
            "environment": {"Environment": {"Variables": {"A": str(self.rng.random())}}},
            "code": {"CodeSha256": f"sha-{self.rng.random()}"},
        }
        return fields[hand]

    def wrong(self) -> list[str]:
        """Return what is not as it was, and not as other hands have left it."""
        functions, shadow = self.service.functions, self.shadow
        found = [f"copy {name} is left" for name in functions if name.startswith(CLONE_PREFIX)]
        function = functions.get(NAME)
        if function is None:
            return found if shadow.gone else [*found, "the function is gone"]
        for key in _KEYS:
            now, then = function.latest.get(key), shadow.config.get(key)
            if now != then:
                found.append(f"{key} is {now}, not {then}")
        if function.latest["SnapStart"]["ApplyOn"] != "None":
            found.append("SnapStart is on")
        return found + self._left_beside(function)

    def _left_beside(self, function: Function) -> list[str]:
        shadow, found = self.shadow, []
        ours = set(function.versions) - shadow.versions
        if ours:
            found.append(f"versions {sorted(ours)} are left")
        if shadow.versions - set(function.versions):
            found.append("a version of theirs is gone")
        if function.aliases["live"]["FunctionVersion"] != shadow.alias:
            found.append(f"alias at {function.aliases['live']['FunctionVersion']}")
        if function.tags:
            found.append(f"tags {sorted(function.tags)} are left")
        if function.provisioned:
            found.append(f"provisioned concurrency {function.provisioned} is left")
        return found


@dataclass
class Run:
    """One seed. ``wrong`` is empty if it ended as it may."""

    seed: int
    folder: Path
    code_url: str
    wrong: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.plan = plan_of(self.seed)
        self.clock = StepClock()
        self.steps = Steps(self.plan, self._keep_disk)
        rng = Random(f"{self.seed}/world")
        self.service = Service(self.clock, rng, self.code_url)
        self.world = World(self.plan, rng, self.clock, self.service)
        self.clock.on_time = self.service.catch_up
        self.clock.on_step = self.steps.step
        self.chaos = Chaos(self.service, self.plan, Random(f"{self.seed}/chaos"), self.steps.step)
        self._disk: dict[str, bytes] = {}

    def play(self) -> "Run":
        """Run it to the end, then restore, and judge both."""
        ended = self._act()
        self.told.append(f"ended with {ended!r}")
        if isinstance(ended, Crash):
            self._put_disk_back()
        self.clock.on_step = self.chaos.on_step = lambda: None
        self._judge_end(ended)
        self._calm_down()
        if self.plan.disk_lost and not self._applied_well():
            for path in self.folder.iterdir():
                path.unlink()
        self._restore()
        return self

    def _act(self) -> BaseException | None:
        apply = self.plan.way.startswith("apply")
        try:
            self._apply() if apply else self._measure()
        except (TunerError, KeyboardInterrupt, Crash) as error:
            return error
        except Exception as error:
            self.wrong.append(f"raised {error!r}")
            return error
        return None

    def _measure(self) -> None:
        """What an experiment does: prepare settings, give ways to start back, restore."""
        plan = self.plan
        isolation = {"in-place": Isolation.IN_PLACE, "clone": Isolation.CLONE}
        way = isolation.get(plan.way, Isolation.VERSIONS)
        options = AwsOptions(journal=self.folder, isolation=way, clock=self.clock)
        target: Any = AwsTarget(self._control(), parse_target(NAME), options)
        try:
            target.describe()
            if plan.way == "architectures":
                target = on_architectures(target, "both")
            try:
                self._prepare(target)
            finally:
                insist(target.restore, self.told.append)
        finally:
            target.close()

    def _prepare(self, target: Any) -> None:
        plan = self.plan
        arches = ("x86_64", "arm64") if plan.way == "architectures" else ("x86_64",)
        settings = [Setting(size, arch) for size in plan.sizes for arch in arches]
        if plan.way == "starts":
            settings = [Setting(256, "x86_64", start) for start in (SNAP_START, "provisioned=2")]
        for one in [settings] if plan.way != "in-place" else [[each] for each in settings]:
            for made in target.prepare(one).values():
                self.told.append(f"prepared {made}")
                if not isinstance(made, TunerError):
                    target.release(made)
            self.clock.sleep(1.0)  # the calls

    def _apply(self) -> None:
        application = Application(self._control(), NAME, self.folder, self.told.append)
        arch = "arm64" if self.plan.way == "apply-arch" else None
        done = application.apply(ApplyOptions(RUN, 640, "live", arch=arch, publish=True))
        self.clock.sleep(1.0)
        if done is not None:
            application.undo(read_record(record_path(self.folder, RUN)))

    def _control(self) -> ControlPlane:
        session = AwsSession(None, self.chaos, REGION, self.service.meta.endpoint_url, True)
        return ControlPlane(session, self.clock, Random(self.seed))

    def _left(self) -> list[Left]:
        left, problems = look(self.folder, self.folder)
        self.wrong += [f"cannot be read: {problem}" for problem in problems]
        return left

    def _judge_end(self, ended: BaseException | None) -> None:
        """Hold the state at the end of the process against what it has said and kept."""
        self.service.catch_up()
        wrong, left = self.world.wrong(), self._left()
        if wrong and not left and not self._applied():
            self.wrong.append(f"nothing on disk, but {'; '.join(wrong)}")
        if wrong and ended is None:
            self.wrong.append(f"ended well, but {'; '.join(wrong)}")
        for one in left:
            if NAME not in one.said() or "tuner restore" not in one.said():
                self.wrong.append(f"says {one.said()!r}")

    def _applied_well(self) -> bool:
        """Tell if an application stands: nothing but its record is meant to undo it."""
        path = record_path(self.folder, RUN)
        return path.exists() and read_record(path).complete

    def _applied(self) -> bool:
        """Tell if an application stands that can be undone."""
        return record_path(self.folder, RUN).exists()

    def _calm_down(self) -> None:
        self.chaos.calm = True
        self.service.fails = self.service.lag_s = 0.0
        self.service.takes_s = (0.2, 1.0)

    def _restore(self) -> None:
        """Restore as the user would, and once more after lost requests have landed."""
        said: list[str] = []
        for _ in range(2):
            for one in self._left():
                try:
                    one.back(self._control(), self.told.append)
                except TunerError as error:
                    said.append(str(error))
            self._undo(said)
            if self.plan.disk_lost:
                self._restore_lost(said)
            self.clock.sleep(_LATER_S)
        wrong = self._untold(self.world.wrong())
        if wrong:
            self.wrong.append(f"after restoring: {'; '.join(wrong)} (said: {said})")
        if self._left():
            self.wrong.append(f"still on disk (said: {said})")

    def _restore_lost(self, said: list[str]) -> None:
        """Restore by the function alone."""
        try:
            found = lost_on(self._control(), NAME)
        except TunerError as error:
            said.append(str(error))
            return
        for one in found:
            try:
                one.back(self.told.append)
            except TunerError as error:
                said.append(str(error))
                self.told.append(str(error))

    def _untold(self, wrong: list[str]) -> list[str]:
        """Leave out what a function alone cannot say, if that was said."""
        told, lost = "".join(self.told), self.plan.disk_lost
        may = {
            "Description is": "its former description is lost" in told,
            "MemorySize is": "either may be right" in told,
            "tags": "either may be right" in told,
        }
        if lost and "kept in this directory only" in told and self.plan.way.startswith("apply"):
            return []
        told_of = tuple(key for key, said in may.items() if said and lost)
        return [one for one in wrong if not one.startswith(told_of)]

    def _undo(self, said: list[str]) -> None:
        path = record_path(self.folder, RUN)
        if not path.exists() or not read_record(path).complete:
            return
        application = Application(self._control(), NAME, self.folder, self.told.append)
        try:
            application.undo(read_record(path))
        except TunerError as error:
            said.append(str(error))

    def _keep_disk(self) -> None:
        self._disk = {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def _put_disk_back(self) -> None:
        for path in list(self.folder.iterdir()):
            path.unlink()
        for name, content in self._disk.items():
            (self.folder / name).write_bytes(content)


def play(seed: int, folder: Path, code_url: str) -> Run:
    """Play one seed in an empty folder."""
    for path in list(folder.iterdir()):
        path.unlink()
    return Run(seed, folder, code_url).play()


def report(run: Run, lines: int = 60) -> str:
    """What a failing seed did, for the one who has to mend it."""
    log = [*run.chaos.log[-lines:], *run.told[-12:]]
    return "\n".join([f"seed {run.seed}: {run.plan.told()}", *log, *run.wrong])
