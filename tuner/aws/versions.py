"""Isolation by versions: a published version per size, made from a ``$LATEST`` that is restored.

For each size, memory and description of ``$LATEST`` are set and a version is published; after the
last one ``$LATEST`` is restored, before anything is measured. The size that it has anyway is
published from what was restored, which saves changing it. Every change is journalled first and
guarded by RevisionId; what is not exactly as it was left is somebody else's deployment and ends the
run. Measuring and deleting are done elsewhere.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from tuner.aws.changes import publish_once
from tuner.aws.configuration import (
    Configuration,
    changed_meanwhile,
    identity,
    modified_of,
    revision_of,
    usable,
    uses_snap_start,
    whole,
)
from tuner.aws.control import ControlPlane
from tuner.aws.journal import Journal
from tuner.aws.restore import OF_VERSION, restore_latest, snap_start_is_ours
from tuner.aws.tags import refuse_marked
from tuner.errors import AccessDenied, ChangedUnderneath, Interrupted, TargetError

#: The longest wait for provisioned concurrency, in seconds. AWS starts one or two minutes after the
#: request, and then up to 6,000 a minute (Lambda developer guide, provisioned concurrency).
READY_LIMIT_S = 600.0


class VersionMaker:
    """Publishes versions of one function at given sizes."""

    def __init__(self, control: ControlPlane, journal: Journal, start: Configuration) -> None:
        """``start`` is the configuration of ``$LATEST`` that the journal was opened with."""
        self._control = control
        self._journal = journal
        self._function = journal.header.function
        self._start = start
        self._pending: set[str] = set()  # published, and not yet ready to run
        self._left = start  # $LATEST as it was left after the last change
        self._moved = False  # the RevisionId, since then
        self._made = 0

    def make(
        self, sizes_mb: Iterable[int], *, snap_start: bool = False
    ) -> dict[int, str | TargetError]:
        """Publish one fresh version per size (MB): its number, or why there is none. With
        ``snap_start`` it is a snapshot, which takes minutes.

        ``$LATEST`` is restored when this returns, and the versions can be invoked. A size that
        Lambda refuses does not stop the others; somebody else's deployment and missing rights do.
        """
        made: dict[int, str | TargetError] = {}
        wanted, own = list(sizes_mb), self._start["MemorySize"]
        try:
            for memory_mb in sorted(wanted, key=own.__eq__):  # its own size last
                if memory_mb == own and not snap_start and _published(made):
                    break
                made[memory_mb] = _or_reason(partial(self._one, memory_mb, snap_start))
        except (KeyboardInterrupt, Interrupted):  # whoever catches it restores everything, once
            raise
        except BaseException:
            self._restore_latest()
            raise
        self._restore_latest()
        for memory_mb in wanted:
            if memory_mb not in made:
                made[memory_mb] = _or_reason(partial(self._restored, memory_mb))
        for memory_mb, version in made.items():
            if isinstance(version, str) and version in self._pending:
                made[memory_mb] = _or_reason(partial(self._ready, version, snap_start))
        return made

    def hold(self, memory_mb: int) -> None:
        """Leave ``$LATEST`` at this size (MB), to be measured in place; nothing is published."""
        self._set(memory_mb, self._describe(memory_mb))

    def _describe(self, memory_mb: int) -> str:
        self._made += 1
        return (
            f"{self._journal.header.mark}{self._made}: {memory_mb} MB for a measurement, "
            f"{self._start['MemorySize']} MB before; `tuner restore` undoes this"
        )

    def _one(self, memory_mb: int, snap_start: bool) -> str:
        description = self._describe(memory_mb)
        self._set(memory_mb, description, snap_start)
        version = self._publish(f"{description}{OF_VERSION}", snap_start)
        number: str = version["Version"]
        if snap_start:
            self._pending.add(number)
        return number

    def _restored(self, memory_mb: int) -> str:
        """Publish ``$LATEST`` as it was restored. Lambda makes a version of it, since the last one
        that was published has another size."""
        try:
            number: str = self._publish(f"{self._describe(memory_mb)}{OF_VERSION}")["Version"]
        except TargetError:
            self._restore_latest()  # a request that may still land is too old then
            raise
        return number

    def _ready(self, version: str, snap_start: bool) -> str:
        found = self._control.wait(self._function, version)
        if snap_start and (found.get("SnapStart") or {}).get("OptimizationStatus") != "On":
            reason = f"AWS made no snapshot of version {version}"
            raise TargetError(self._function, reason, "Check its log: INIT may have failed.")
        self._pending.discard(version)
        return version

    def _set(self, memory_mb: int, description: str, snap_start: bool = False) -> None:
        if self._moved:
            self.reread()
        try:
            known = self._update(memory_mb, description, snap_start)
        except TargetError as error:
            # A lost answer, and the retry of a change that was made, look like a failure, too.
            if error.refused and not isinstance(error, ChangedUnderneath):
                raise
            known = self._control.settle(self._function)
            if known.get("Description", "") != description:
                if not isinstance(error, ChangedUnderneath):
                    raise
                if not self._as_left(known):
                    raise self._changed(known) from error
                self._left = known  # only the RevisionId has moved on
                known = self._update(memory_mb, description, snap_start)
        if whole(known) == (memory_mb, description, identity(self._start)):
            self._left = known  # ours, also where it cannot be read for a while
        latest = self._control.settle(self._function, known=known)
        self._check(latest, memory_mb, description)
        self._journal.did(revision_id=revision_of(latest), modified=modified_of(latest))
        usable(latest, self._function)  # one that failed is there all the same

    def reread(self) -> Configuration:
        """Learn the RevisionId of ``$LATEST``, which tagging or publishing has moved."""
        latest = self._control.configuration(self._function)
        if self._as_left(latest):
            self._left = latest
        self._moved = False
        return latest

    def _update(self, memory_mb: int, description: str, snap_start: bool) -> Configuration:
        revision_id = revision_of(self._left)
        more = {"snap_start": True} if self._snap_start_is_ours(snap_start) else {}
        step = {"memory_mb": memory_mb, "description": description, "revision_id": revision_id}
        applied = "PublishedVersions" if snap_start else None
        with self._journal.making("set", "UpdateFunctionConfiguration", **step, **more):
            return self._control.update(
                self._function, memory_mb, description, revision_id, applied
            )

    def _snap_start_is_ours(self, wanted: bool) -> bool:
        """Tell if SnapStart will be on, and was off before us."""
        if uses_snap_start(self._left):
            return snap_start_is_ours(self._journal.entry(), self._left)
        return wanted

    def _publish(self, description: str, snap_start: bool = False) -> Configuration:
        revision_id = revision_of(self._left)
        step = {"description": description, "revision_id": revision_id}
        with self._journal.making("publish", "PublishVersion", **step):
            version = publish_once(self._control, self._function, self._left, description)
        if version.get("Description") != description:
            reason = f"Lambda returned version {version['Version']}, which somebody else published"
            raise changed_meanwhile(self._function, reason)
        self._journal.did(version=version["Version"])
        self._moved = True
        if uses_snap_start(version) and not (snap_start or uses_snap_start(self._start)):
            reason = (
                f"somebody else has turned SnapStart on, so version {version['Version']} has it"
            )
            raise changed_meanwhile(self._function, reason)
        if version.get("State") == "Pending":
            self._pending.add(version["Version"])
        return version

    def _restore_latest(self) -> None:
        self._journal.will("put-back")
        latest = restore_latest(self._journal.entry(), self._control)
        self._journal.did(revision_id=revision_of(latest), modified=modified_of(latest))
        before = self._journal.header.before
        self._check(latest, before.memory_mb, before.description)

    def _as_left(self, now: Configuration) -> bool:
        return whole(now) == whole(self._left)

    def _check(self, latest: Configuration, memory_mb: int, description: str) -> None:
        expected = (memory_mb, description, identity(self._start))
        if whole(latest) != expected:
            latest = self._control.agreed(self._function, latest)
        if whole(latest) != expected:
            raise self._changed(latest)
        self._left = latest

    def _changed(self, latest: Configuration) -> ChangedUnderneath:
        """Return the error for somebody else's change, or raise that which names another run."""
        refuse_marked(self._control, latest, self._function, but=self._journal.header.id)
        return changed_meanwhile(self._function)


def provision(control: ControlPlane, journal: Journal, version: str, count: int) -> None:
    """Request ``count`` provisioned sandboxes of a version that the journal's run has published.

    They cost money until they are removed, so this is journalled first and undone first.
    """
    journal.will("provision", version=version, count=count)
    control.call(
        "PutProvisionedConcurrencyConfig",
        journal.header.clone or journal.header.function,
        Qualifier=version,
        ProvisionedConcurrentExecutions=count,
    )
    journal.did()


def wait_until_ready(
    control: ControlPlane, function: str, version: str, stop: Callable[[], bool]
) -> float:
    """Poll until all provisioned sandboxes are ready; returns the seconds that it took.

    Raises TargetError if that fails, takes longer than :data:`READY_LIMIT_S`, or is stopped.
    """
    begun = control.clock.monotonic()
    while True:
        found = control.call("GetProvisionedConcurrencyConfig", function, Qualifier=version)
        waited_s = control.clock.monotonic() - begun
        if found["Status"] == "READY":
            return waited_s
        if found["Status"] == "FAILED":
            why = found.get("StatusReason") or "no reason given"
            fix = "A function whose INIT fails cannot be kept ready: check its log."
            raise TargetError(function, f"provisioned concurrency failed ({why})", fix)
        if stop():
            raise TargetError(function, "provisioned concurrency was not waited for")
        if waited_s > READY_LIMIT_S:
            reason = f"provisioned concurrency was not ready in {READY_LIMIT_S:.0f} s"
            raise TargetError(function, reason, "Try again later, or with less.")
        control.clock.sleep(control.poll_s)


def _published(made: Mapping[int, str | TargetError]) -> bool:
    return any(isinstance(one, str) for one in made.values())


def _or_reason(make: Callable[[], str]) -> str | TargetError:
    try:
        return make()
    except (ChangedUnderneath, AccessDenied):
        raise
    except TargetError as error:
        return error
