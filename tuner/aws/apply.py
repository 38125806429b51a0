"""Sets the recommended memory on a function for good, or undoes that.

What was there is written to disk before each change, so that it can be undone after any end
(``applied.py``). Every change is guarded by RevisionId; what somebody else has set since is left
alone. An alias moves at once or in steps (``moving.py``).
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ulid import ULID

from tuner.aws.applied import (
    Applied,
    anchor_of,
    drop_record,
    held,
    merged,
    of_run,
    read_record,
    record_path,
    tags_said,
    without_tags,
    write_record,
)
from tuner.aws.changes import (
    package_for,
    publish_once,
    set_architecture,
    set_memory,
)
from tuner.aws.configuration import (
    Configuration,
    architecture_of,
    changed_meanwhile,
    modified_of,
    revision_of,
    unqualified,
    weights_of,
    whole,
)
from tuner.aws.control import ControlPlane
from tuner.aws.moving import AT_ONCE, Move, Steps, cloudwatch
from tuner.aws.restore import insist
from tuner.aws.same import made_anew, refuse_made_anew
from tuner.aws.tags import lands_until, put_tags, refuse_marked, remove_tags
from tuner.aws.undo import Undo
from tuner.errors import ChangedUnderneath, NotFound, TargetError, TunerError

Tell = Callable[[str], None]


@dataclass(frozen=True)
class ApplyOptions:
    """What to set; ``steps`` is how an alias is moved."""

    run: str
    memory_mb: int
    alias: str | None = None
    steps: Steps = AT_ONCE
    publish: bool = False
    arch: str | None = None  # None: as it is


class Application:
    """One function that is set to one size; ``tell`` gets a line for each change."""

    def __init__(self, control: ControlPlane, function: str, directory: Path, tell: Tell) -> None:
        control.tell = tell
        self._control = control
        self._function = function
        self._directory = directory
        self._tell = tell

    def stack(self) -> str | None:
        """The CloudFormation stack that manages the function, by its tag."""
        tags = self._control.get(self._function).get("Tags") or {}
        return tags.get("aws:cloudformation:stack-name")

    def apply(self, change: ApplyOptions) -> Applied | None:
        """Set memory, publish, move the alias; returns the record, ``None`` without any change.

        Whatever ends it early, everything is undone first; raises :class:`TargetError` then, also
        when the new version was worse. What cannot be undone now stays on record.
        """
        with held(self._directory, change.run) as ours:
            self._refuse_others(ours, change)
            start = self._control.wait(self._function)
            refuse_marked(self._control, start, self._function)
            alias = self._alias(change)
            if change.arch == architecture_of(start):
                change = replace(change, arch=None)
            if start["MemorySize"] == change.memory_mb and change.arch is None and alias is None:
                return None
            if change.arch is not None:  # before anything is written or changed
                package_for(self._control, self._function, start, change.arch)
            self._done = self._record(start, change, alias)
            write_record(self._directory, self._done, first=True)
            try:
                self._make(self._tagged(start), change, alias)
                done = self._complete()
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):  # the user waits for it
                    self._control.stop = lambda: True
                self._roll_back()
                raise
            return self._untag(done)

    def undo(self, done: Applied) -> None:
        """Restore memory and alias where they are still as we set them, and delete our versions.
        ``tuner restore`` finishes it if it is killed meanwhile."""
        with held(self._directory, done.run) as ours:
            if not ours:
                raise _busy(done.run)
            self._refuse_marked(done)
            self._refuse_made_anew(done)
            self._done = replace(done, complete=False, latest_revision=None, pid=os.getpid())
            write_record(self._directory, self._done)
            try:
                self._tag(undone=True)
                tagged = replace(done, tags=self._done.tags, tags_until=self._done.tags_until)
                self._refuse_marked(done, tagged)
                self._undo_from(tagged, strict=done.complete)
            except ChangedUnderneath:  # the rest is undone; an alias that is back is theirs
                write_record(self._directory, replace(done, alias=self._done.alias))
                raise
            drop_record(self._directory, done)
        if done.since is not None:
            self.undo(done.since)

    def _refuse_marked(self, done: Applied, tagged: Applied | None = None) -> None:
        """Raise TargetError if another run has the function. Asked once more after ours is
        ``tagged``, since of two that begin at once each sees the other's tags then."""
        with suppress(NotFound):  # of one that is gone there is nothing to undo
            now = self._control.settle(done.arn)
            try:
                refuse_marked(self._control, now, self._function, but=done.run)
                if tagged is not None and done.complete:
                    # Tags that were put right now may have landed on one made anew right before.
                    unproved = replace(tagged, tags_until=self._control.clock.wall())
                    path = record_path(self._directory, done.run)
                    refuse_made_anew(self._control, unproved, now, path)
            except TargetError:
                if tagged is not None:
                    remove_tags(self._control, done.arn, tagged.tags, tagged.tags_until)
                    write_record(self._directory, done)
                raise

    def _refuse_made_anew(self, done: Applied) -> None:
        """Raise :class:`ChangedUnderneath` before anything is written to a function of which
        nothing proves that it is the one that was set."""
        control = self._control
        with suppress(NotFound), control.restoring(arn=done.arn, modified=done.modified):
            now = control.configuration(done.arn)
            if done.complete:
                refuse_made_anew(control, done, now, record_path(self._directory, done.run))

    def _make(self, start: Configuration, change: ApplyOptions, alias: Any) -> None:
        latest = self._set_architecture(start, change.arch)
        if latest["MemorySize"] != start["MemorySize"]:
            raise changed_meanwhile(self._function)
        latest = self._set(latest, change.memory_mb)
        if alias is None and not change.publish:
            return
        self._publish(latest, change)
        if alias is not None:
            note = self._note_alias
            Move(self._control, self._function, self._done, note, self._tell)(change.steps)

    def _complete(self) -> Applied:
        """Write that it stays, with what was applied of the same run before."""
        first = self._done.since
        done = replace(self._done, complete=True, since=None)
        done = merged(first, done) if first is not None else done
        write_record(self._directory, done)
        return done

    def _tag(self, *, undone: bool = False) -> None:
        """Say on the function itself what is being done, for where the record is lost."""
        control, done = self._control, self._done
        now_s = control.clock.wall()
        tags = tags_said(done, now_s, undone=undone)
        until_s = lands_until(control, now_s)
        self._note(tags=tuple({*done.tags, *tags}), tags_until=max(done.tags_until, until_s))
        made = put_tags(control, done.arn, tags)
        until_s = max(done.tags_until, made.until_s)
        self._note(tags=tuple({*done.tags, *made.keys}), tags_until=until_s)
        if made.error is not None:
            what = f"what {self._function} was like is kept in this directory only"
            self._tell(f"{what}: {made.error.reason}")

    def _tagged(self, start: Configuration) -> Configuration:
        """Put the tags; returns the function, whose RevisionId they may have moved."""
        self._tag()
        now = self._control.wait(self._function)
        refuse_marked(self._control, now, self._function, but=self._done.run)
        if whole(now) != whole(start) or self._is_another(start, now):
            raise changed_meanwhile(self._function)
        self._note_latest(now)
        return now

    def _is_another(self, start: Configuration, now: Configuration) -> bool:
        """Tell if it was made anew, or published, since: what is on record is of another then."""
        if modified_of(now) == modified_of(start):
            return False
        return anchor_of(self._control, self._function) != self._done.anchor

    def _untag(self, done: Applied) -> Applied:
        """Take from the function what it says of an application that is complete."""
        try:
            with self._control.restoring():
                done = without_tags(done, self._control)
        except TargetError as error:
            kept = f"is set to {done.memory_mb} MB, but keeps tags that say so: {error.reason}"
            fix = "Run `tuner restore`, which removes them and nothing else."
            raise type(error)(self._function, kept, fix) from error
        write_record(self._directory, done)
        return done

    def _note(self, **known: Any) -> None:
        """Write what comes next, or has just become known."""
        self._done = replace(self._done, **known)
        write_record(self._directory, self._done)

    def _note_latest(self, latest: Configuration) -> None:
        if made_anew(self._control, self._done, latest):
            raise changed_meanwhile(self._function)
        self._note(latest_revision=revision_of(latest), modified=modified_of(latest))

    def _roll_back(self) -> None:
        self._tell("rolling back")
        try:
            insist(self._undo_all, self._tell)
        except TunerError as error:
            self._tell(f"could not undo everything ({error.reason}); run `tuner restore`")

    def _undo_all(self) -> None:
        self._undo_from(self._done, strict=False)
        drop_record(self._directory, self._done)

    def _undo_from(self, done: Applied, *, strict: bool) -> None:
        path = record_path(self._directory, done.run)
        Undo(self._control, done, self._tell, strict=strict, note=self._note, path=path)()

    def _record(self, start: Configuration, change: ApplyOptions, alias: Any) -> Applied:
        session = self._control.session
        path = record_path(self._directory, change.run)
        # The time makes the description unique: it shows which version to delete again.
        moment = ULID.from_timestamp(self._control.clock.wall())
        where = f" on {change.arch}" if change.arch else ""
        described = f"{change.memory_mb} MB{where}, {of_run(change.run)}{moment})"
        return Applied(
            change.run,
            unqualified(start["FunctionArn"]),
            session.region,
            session.endpoint_url,
            session.profile,
            start["MemorySize"],
            change.memory_mb,
            change.alias,
            alias["FunctionVersion"] if alias else None,
            assume_role=session.assume_role,
            published=(described,) if change.publish or alias is not None else (),
            latest_revision=revision_of(start),
            modified=modified_of(start),
            anchor=anchor_of(self._control, self._function),
            before_arch=architecture_of(start) if change.arch else None,
            arch=change.arch,
            code_sha256=start["CodeSha256"] if change.arch else None,
            complete=False,
            at_mb=start["MemorySize"],
            pid=os.getpid(),
            since=read_record(path) if path.exists() else None,
        )

    def _refuse_others(self, ours: bool, change: ApplyOptions) -> None:
        if not ours:
            raise _busy(change.run)
        path = record_path(self._directory, change.run)
        if path.exists() and not read_record(path).complete:
            reason = "was interrupted while it was being applied"
            fix = "Run `tuner restore`, then apply it again."
            raise TargetError(f"run {change.run}", reason, fix)

    def _alias(self, change: ApplyOptions) -> Any:
        """Return the alias to move; raises TargetError if it cannot be moved."""
        if change.alias is None:
            return None
        if change.steps.shares and not cloudwatch(self._control).available:
            fix = "Leave --steps out, or set AWS_ENDPOINT_URL_CLOUDWATCH."
            raise TargetError("--steps", "there is no CloudWatch here to watch them", fix)
        alias = self._control.get_alias(self._function, change.alias)
        thing = f"{self._function}:{change.alias}"
        if weights_of(alias):
            reason = "the alias already splits its traffic between versions"
            raise TargetError(thing, reason, "Finish that deployment first.")
        if alias["FunctionVersion"] == "$LATEST" and change.steps.shares:
            reason = "the alias points at $LATEST, which cannot share traffic with a version"
            raise TargetError(thing, reason, "Leave --steps out, or point it at a version.")
        return alias

    def _set_architecture(self, now: Configuration, arch: str | None) -> Configuration:
        if arch is None:
            return now
        latest = set_architecture(self._control, self._function, now, arch)
        self._tell(f"$LATEST: {architecture_of(now)} -> {arch}")
        self._note_latest(latest)
        return latest

    def _set(self, now: Configuration, memory_mb: int) -> Configuration:
        if now["MemorySize"] == memory_mb:
            return now
        self._note(at_mb=memory_mb)
        try:
            latest = set_memory(self._control, self._function, now, memory_mb)
        except TargetError as error:
            if error.refused == "UpdateFunctionConfiguration":
                self._note(at_mb=now["MemorySize"])
            raise
        self._tell(f"$LATEST: {now['MemorySize']} MB -> {memory_mb} MB")
        self._note_latest(latest)
        return latest

    def _publish(self, latest: Configuration, change: ApplyOptions) -> None:
        (description,) = self._done.published
        made = publish_once(self._control, self._function, latest, description)
        number = str(self._control.wait(self._function, made["Version"], made)["Version"])
        self._note(version=number)
        ours = made.get("Description") == description
        if not ours:  # which nothing else on the function says
            self._tag()
        self._tell(f"published version {number}" if ours else f"version {number} is identical")

    def _note_alias(self, revision_id: str | None) -> None:
        self._note(alias_revision=revision_id)


def _busy(run: str) -> TargetError:
    reason = "is being applied or undone by another process"
    return TargetError(f"run {run}", reason, "Wait for that process to end.")


def parse_steps(shares: Sequence[float]) -> tuple[float, ...]:
    """The shares in order, without the last 100 %."""
    return tuple(sorted({share for share in shares if 0.0 < share < 1.0}))
