"""Makes Settings of a function on AWS callable, and restores it; every change is journalled first.

Sizes are published versions, of the function or of a temporary copy, or ``$LATEST`` itself, one
after another; a way to start has a version for it alone.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tuner.aws.clone import clone_arn, clone_name, make_clone
from tuner.aws.configuration import (
    Configuration,
    changed_meanwhile,
    modified_of,
    revision_of,
    unqualified,
    usable,
    uses_snap_start,
)
from tuner.aws.control import ControlPlane
from tuner.aws.journal import Before, Journal, JournalHeader
from tuner.aws.restore import restore_function
from tuner.aws.session import SessionOptions
from tuner.aws.tags import (
    MEASURED,
    encoded,
    key_of,
    mark_of,
    put_tags,
    refuse_marked,
    tags_of,
)
from tuner.aws.versions import VersionMaker, provision, wait_until_ready
from tuner.clock import Clock, WallClock, never
from tuner.errors import AccessDenied, TargetError
from tuner.records import ON_DEMAND, SNAP_START, Setting
from tuner.targets.choices import Isolation
from tuner.targets.names import TargetName
from tuner.targets.seam import OWNED_BY, Code, Prepared, Progress, Variant, tried
from tuner.targets.suitability import refuse_unsuitable

#: Where changes are journalled, in the working directory.
JOURNAL_DIRECTORY = Path(".tuner/journal")

#: Seconds for which a read need not be repeated before a change that expects its RevisionId.
_FRESH_S = 10.0


@dataclass(frozen=True)
class AwsOptions:
    """The function's session, how Settings of it are made, and where changes are journalled.

    ``journal`` is ``None`` only for a function that ends with this process. ``code`` replaces that
    of the function in a copy, and ``arch`` its architecture.
    """

    session: SessionOptions = field(default_factory=SessionOptions)
    journal: Path | None = JOURNAL_DIRECTORY
    isolation: Isolation = Isolation.VERSIONS
    progress: Progress = lambda _text: None
    clock: Clock = field(default_factory=WallClock)
    code: Code | None = None
    arch: str | None = None
    stop: Callable[[], bool] = never  # the user wants to end


class Deployed:
    """The Settings of one function that were made callable so far."""

    def __init__(
        self, control: ControlPlane, name: TargetName, options: AwsOptions, run: str
    ) -> None:
        self._control, self._name, self._options, self._id = control, name, options, run
        control.stop, control.tell = options.stop, options.progress
        if options.journal is None:  # the function ends with this process
            control.lasting = control.patience
        self._journal: Journal | None = None
        self._maker: VersionMaker | None = None
        self._versions: dict[Setting, str] = {}
        self.published = False  # what is called is versions, or a copy, which nobody else changes
        self._read: tuple[float, Configuration] | None = None

    def was_read(self, latest: Configuration) -> None:
        """Take note of ``$LATEST`` as it was read right now, settled, with its tags."""
        self._read = self._options.clock.monotonic(), latest

    @property
    def function(self) -> str:
        """The invoked function's name: its own, or that of the copy that will be made of it."""
        if self._options.isolation is Isolation.CLONE:
            return clone_name(self._name.function, self._id)
        return self._name.function

    def prepare(
        self, settings: Iterable[Setting], arch: str, fresh: bool, stop: Callable[[], bool]
    ) -> Prepared:
        """Publish what is missing; see :meth:`tuner.targets.seam.Target.prepare`."""
        self._control.stop = stop
        wanted = {setting: _made_of(setting) for setting in settings}
        made: dict[Setting, str | TargetError | None] = {
            key: TargetError(self._name.text, f"runs on {arch}, not on {key.arch}")
            for key in wanted.values()
            if key.arch != arch
        }
        keys = [key for key in dict.fromkeys(wanted.values()) if key not in made]
        usual = [key for key in keys if key.start == ON_DEMAND]
        in_place = self._options.isolation is Isolation.IN_PLACE
        self.published |= not in_place
        made |= self._in_place(usual, fresh) if in_place else self._sizes(usual, fresh)
        made |= {key: self._started(key, fresh, stop) for key in keys if key.start != ON_DEMAND}
        return {setting: self._variant(setting, made[key]) for setting, key in wanted.items()}

    def release(self, variant: Variant) -> None:
        """Remove provisioned concurrency; a snapshot is paid until its version is deleted."""
        if variant.setting.provisioned and variant.qualifier is not None:
            self._control.withdraw(self.function, variant.qualifier)
            self._versions.pop(_made_of(variant.setting), None)

    def restore(self) -> None:
        """``$LATEST`` as it was, every version of ours deleted, the journal removed."""
        if self._journal is None:
            return
        self._options.progress("restoring the function")
        self._control.stop = self._options.stop  # a limit that was reached is no reason to hurry
        journal = self._journal

        def note(latest: Configuration) -> None:
            journal.will("put-back")
            journal.did(revision_id=revision_of(latest), modified=modified_of(latest))

        restore_function(journal.entry(), self._control, note)
        journal.finish()
        self._journal = self._maker = None
        self._versions.clear()

    def close(self) -> None:
        """Let go of the journal, which stays pending if not restored."""
        if self._journal is not None:
            self._journal.close()

    def _in_place(self, keys: Sequence[Setting], fresh: bool) -> dict[Setting, Any]:
        """``$LATEST`` itself at each size; the size before it cannot be invoked any more."""
        made: dict[Setting, TargetError | None] = dict.fromkeys(keys)
        for key in keys:
            if fresh or key not in self._versions:
                self._options.progress(f"setting $LATEST to {key.memory_mb} MB")
                self._versions = {}  # a change that fails may be made all the same
                held = tried(partial(self._hold, key.memory_mb))
                if isinstance(held, TargetError):
                    made[key] = self._about(key.memory_mb, held)
                else:
                    self._versions = {key: "$LATEST"}
        return made

    def _hold(self, memory_mb: int) -> None:
        self._open_maker().hold(memory_mb)

    def _sizes(self, keys: Sequence[Setting], fresh: bool) -> dict[Setting, Any]:
        """A published version for each size."""
        missing = {key.memory_mb: key for key in keys if fresh or key not in self._versions}
        made: dict[Setting, str | TargetError] = {}
        if missing:
            maker = self._maker_or_reason()
            if isinstance(maker, TargetError):
                return {key: self._versions.get(key, maker) for key in keys}
            listed = ", ".join(map(str, missing))
            where = f" on {self._options.arch}" if self._options.arch else ""
            self._options.progress(f"publishing a version for {listed} MB{where}")
            for size, found in maker.make(list(missing)).items():
                if isinstance(found, TargetError):
                    made[missing[size]] = self._about(size, found)
                else:
                    self._versions[missing[size]] = found
        return {key: made.get(key) or self._versions[key] for key in keys}

    def _maker_or_reason(self) -> VersionMaker | TargetError:
        """The maker; without the right to make a copy for other code, the rest goes on."""
        try:
            return self._open_maker()
        except AccessDenied as error:
            if self._options.code is None:
                raise
            return error

    def _about(self, memory_mb: int, error: TargetError) -> TargetError:
        return type(error)(f"{self._name.text} at {memory_mb} MB", error.reason, error.fix)

    def _started(self, key: Setting, fresh: bool, stop: Callable[[], bool]) -> str | TargetError:
        """A version whose sandboxes start in another way than on demand."""
        if fresh or key not in self._versions:
            made = tried(partial(self._start, key, stop))
            if isinstance(made, TargetError):
                return made
            self._versions[key] = made
        return self._versions[key]

    def _start(self, key: Setting, stop: Callable[[], bool]) -> str:
        """Publish a version for it alone: a snapshot, or one with provisioned concurrency."""
        maker, snap = self._open_maker(), key.start == SNAP_START
        words = "a snapshot, which takes minutes," if snap else "a version"
        self._options.progress(f"publishing {words} at {key.memory_mb} MB")
        made = maker.make([key.memory_mb], snap_start=snap)[key.memory_mb]
        if isinstance(made, TargetError):
            raise made
        if key.provisioned:
            assert self._journal is not None, "opened with the maker"
            self._options.progress(f"waiting for {key.provisioned} provisioned sandboxes")
            provision(self._control, self._journal, made, key.provisioned)
            try:
                wait_until_ready(self._control, self.function, made, stop)
            except TargetError:
                self._control.withdraw(self.function, made)
                raise
        return made

    def _variant(self, setting: Setting, made: str | TargetError | None) -> Variant | TargetError:
        if isinstance(made, TargetError):
            return made
        copied = self._options.arch is not None or self._options.code is not None
        return Variant(setting, made, self.function if copied else None)

    def _open_maker(self) -> VersionMaker:
        if self._maker is not None:
            return self._maker
        options, start = self._options, self._start_of()
        refuse_unsuitable(start, self._name.text)
        copied = options.isolation is Isolation.CLONE  # beside versions of the same run, too
        self._refuse_marked(start, only_changed=copied)
        journal = self._journal = self._journal or Journal(options.journal, self._opening(start))
        before = journal.header.before
        if not before.holds(start) or start["CodeSha256"] != before.code_sha256:
            # Somebody has changed it since a first try, which failed.
            raise changed_meanwhile(self._name.function)
        if copied:
            where = f" on {options.arch}" if options.arch else ""
            options.progress(f"making a temporary copy of the function{where}")
            maker = make_clone(self._control, journal, OWNED_BY, options.code, options.arch)
        else:
            maker = VersionMaker(self._control, journal, start)
            if options.journal is not None:  # otherwise the function ends with this process
                self._tag(journal, start)
                # Of two runs that begin at once, each sees the other's tags now.
                latest = maker.reread()
                self._refuse_marked(latest)
                if mark_of(self._control, latest, self._id, MEASURED) is not None:
                    journal.saw_tags()
        self._maker = maker
        return maker

    def _start_of(self) -> Configuration:
        """The function as it is now. What was read of it just before will do: if it was changed
        since, its RevisionId has moved, and the first change is refused."""
        if self._read is not None:
            read_s, read = self._read
            if self._options.clock.monotonic() - read_s < _FRESH_S and revision_of(read):
                return usable(read, self._name.function)
        return self._control.wait(self._name.function)

    def _refuse_marked(self, now: Configuration, *, only_changed: bool = False) -> None:
        function = self._name.function
        refuse_marked(self._control, now, function, but=self._id, only_changed=only_changed)

    def _tag(self, journal: Journal, start: Configuration) -> None:
        """Say on the function itself what it is like, for where the journal is lost."""
        header, before = journal.header, journal.header.before
        said = {"memory": before.memory_mb, "description": encoded(before.description)}
        snap = {"snapstart": "on"} if uses_snap_start(start) else {}
        tags = tags_of(key_of(header.id), MEASURED, header.opened_at, **said, **snap)
        journal.will("tag", keys=sorted(tags))
        made = put_tags(self._control, header.arn, tags)
        journal.did(tagged=made.keys, until=made.until_s)
        if made.error is not None:
            where = f"what {header.function} is like is kept in this directory only"
            self._options.progress(f"{where}: {made.error.reason}")

    def _opening(self, start: Configuration) -> JournalHeader:
        """Return the journal's beginning: the function as it is now."""
        arn, session = unqualified(start["FunctionArn"]), self._control.session
        clone = self._options.isolation is Isolation.CLONE
        return JournalHeader(
            id=self._id,
            function=self._name.function,
            arn=arn,
            region=session.region,
            endpoint_url=session.endpoint_url,
            profile=session.profile,
            before=Before.of(start),
            opened_at=self._options.clock.wall(),
            pid=os.getpid(),
            assume_role=session.assume_role,
            clone=clone_arn(arn, self.function) if clone else None,
        )


def _made_of(setting: Setting) -> Setting:
    """Return what makes a version differ from another of the same function."""
    return setting._replace(code="", load="")
