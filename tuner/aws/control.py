"""Lambda's control plane: read, change memory, publish, alias, delete, wait.

It never invokes. What AWS shows late, answers twice or not at all is read again here. Every change
takes the RevisionId that it expects, so that a deployment by somebody else is never overwritten.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, TypeVar

from tuner.aws.calls import MARKER, Client, Done, Patience
from tuner.aws.configuration import (
    Configuration,
    modified_of,
    revision_of,
    settled,
    state_of,
    unqualified,
    usable,
    weights_of,
)
from tuner.aws.policy import CLONE_PREFIX
from tuner.aws.session import AwsSession
from tuner.aws.translate import ApiCall, translate
from tuner.clock import Clock, never
from tuner.errors import ChangedUnderneath, Interrupted, NotFound, TargetError, TunerError

Seen = TypeVar("Seen")

#: The longest wait for an update or a version, in seconds: SnapStart takes minutes to publish
#: (botocore's own ``published_version_active`` waiter allows 26 minutes).
WAIT_LIMIT_S = 1_560.0

#: Restoring goes on for minutes through throttles, server errors and network gaps: a function is
#: left changed otherwise. Chosen: 40 attempts wait 3 minutes on average and 6 at most, and calls
#: that take their time end all the same. Nobody listening on this machine is a service that has
#: ended: 12 attempts wait half a minute on average.
_LASTING = Patience(40, 0.2, 10.0, unreachable_attempts=40, conflict_attempts=40, total_s=400.0)
_LASTING_ON_LOOPBACK = replace(_LASTING, unreachable_attempts=12)
#: The longest wait for an update (seconds) while restoring, and what is left of it, or of trying a
#: call again, once the user wants to stop; and the longest pause between two tries then.
_RESTORING_LIMIT_S, _STOPPED_LIMIT_S, _STOPPED_PAUSE_S = 300.0, 30.0, 2.0
#: Seconds for which a read may show what an answered change has replaced (Lambda's reads are
#: eventually consistent, without a documented bound), and one that a refused change expected.
_STALE_S, _DOUBTFUL_S, _REREAD_S = 90.0, 15.0, 2.0
#: Seconds between two lines that say what is waited for.
_QUIET_S = 15.0
#: How many reads in a row must agree before somebody else is said to have changed a function.
_AGREEING, _MOST_READS = 3, 12
_REPLACING = ("UpdateFunctionConfiguration", "UpdateFunctionCode")


class ControlPlane(Client):
    """The control plane of one region."""

    def __init__(
        self,
        session: AwsSession,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        patience: Patience | None = None,
    ) -> None:
        super().__init__(session.client, clock, rng, patience or Patience())
        self.session = session
        #: What restoring is done with.
        self.lasting = patience or (_LASTING_ON_LOOPBACK if session.loopback else _LASTING)
        self._restoring = False
        #: RevisionIds of ``$LATEST`` that are past, and those that only a refused change expected.
        self._replaced: set[str] = set()
        self._doubtful: set[str] = set()
        #: Those that are past as a journal says, which an old read may have led into it.
        self._journalled: set[str] = set()
        #: LastModified as the last answered change has set it, by ARN.
        self._newest: dict[str, str] = {}
        #: LastModified by RevisionId, as answers had it.
        self._modified: dict[str, str] = {}
        self._tags: dict[str, Mapping[str, str]] = {}
        self._tags_seen: dict[str, set[str]] = {}  # ever
        #: True when the user wants to stop, which ends a wait for an update.
        self.stop: Callable[[], bool] = never
        self._heard_s: float | None = None  # when that was first seen
        #: Gets a line now and then while something takes long.
        self.tell: Callable[[str], object] = lambda _text: None
        self._told_s = 0.0
        # botocore's _v2 waiters ask every second; a service on loopback needs a tenth of one.
        self.poll_s = 0.11 if session.loopback else 1.0

    def get(self, function: str, qualifier: str | None = None) -> Mapping[str, Any]:
        """GetFunction: ``Configuration``, ``Concurrency``, ``Tags``. It may be called 100 times a
        second; GetFunctionConfiguration shares its limit with everything else."""
        found = self.call("GetFunction", function, Qualifier=qualifier)
        now = found["Configuration"]
        arn, tags = unqualified(now["FunctionArn"]), found.get("Tags") or {}
        self._tags[arn] = tags
        self._tags_seen.setdefault(arn, set()).update(tags)
        self._modified[revision_of(now)] = modified_of(now)
        return found

    def tags(self, now: Configuration) -> Mapping[str, str]:
        """The tags of a function as it was last read; none where they may not be read."""
        return self._tags.get(unqualified(now["FunctionArn"]), {})

    def configuration(self, function: str, qualifier: str | None = None) -> Configuration:
        """Return the configuration, read again while it is older than an answered change of ours.

        Raises :class:`TargetError` if that does not pass.
        """
        found: Configuration = self.get(function, qualifier)["Configuration"]
        waited, pause = 0.0, self.poll_s
        while qualifier is None and self.past(found, waited):
            if self.hurries():
                raise Interrupted(function, "stopped while Lambda showed it as it was before")
            if waited >= _STALE_S:
                reason = f"Lambda shows it as it was before the last change, for {_STALE_S:.0f} s"
                raise TargetError(function, reason, "Run `tuner restore` in a minute.")
            self.clock.sleep(pause)
            waited, pause = waited + pause, min(2.0 * pause, _REREAD_S)
            found = self.get(function)["Configuration"]
        return found

    def agreed(self, function: str, now: Configuration) -> Configuration:
        """Read a settled function again until several reads in a row agree."""
        same = 1
        for _ in range(_MOST_READS):
            if same >= _AGREEING:
                break
            self.clock.sleep(self.poll_s)
            found = self.settle(function)
            same = same + 1 if state_of(found) == state_of(now) else 1
            now = found
        return now

    @contextmanager
    def restoring(
        self, replaced: Iterable[str] = (), arn: str = "", modified: str = ""
    ) -> Iterator[None]:
        """Be patient for minutes, and half of one once the user wants to stop. As a journal says,
        ``replaced`` are RevisionIds that are past, and ``arn`` was ``modified`` at this time."""
        self._journalled.update(replaced)
        self._newest[arn] = max(modified, self._newest.get(arn, ""))
        before = self.patience, self._restoring
        lasting = self.lasting
        if self.stops():  # the user waits for it
            lasting = replace(lasting, longest_s=min(_STOPPED_PAUSE_S, lasting.longest_s))
        self.patience, self._restoring = lasting, True
        try:
            yield
        finally:
            self.patience, self._restoring = before

    def send(
        self, operation: str, thing: str, done: Done = lambda: None, /, **parameters: Any
    ) -> Mapping[str, Any]:
        """Send one operation; remember which RevisionIds are past since."""
        expected = parameters.get("RevisionId", "") if operation in _REPLACING else ""
        try:
            answer = super().send(operation, thing, done, **parameters)
        except ChangedUnderneath:
            self._doubtful |= {expected} - {""}
            raise
        if expected and revision_of(answer) not in ("", expected):
            # It was the present one, so one that was refused before is older.
            self._replaced |= {expected, *self._doubtful}
            self._doubtful.clear()
            self._newest[unqualified(answer["FunctionArn"])] = modified_of(answer)
            self._modified[revision_of(answer)] = modified_of(answer)
        return answer

    def _seen(self, look: Callable[[], Seen | None]) -> Seen | None:
        """Return what several looks in a row have seen, without any patience."""
        found, before = None, self.patience
        self.patience = replace(before, attempts=1, unreachable_attempts=1, conflict_attempts=1)
        try:
            for number in range(_AGREEING):
                self.clock.sleep(self.poll_s if number else 0.0)
                if (found := look()) is None:
                    break
        except TunerError:
            return None
        finally:
            self.patience = before
        return found

    def _as_set(self, function: str, expected: str, **fields: Any) -> Configuration | None:
        """Return ``$LATEST`` if it has these fields since a change that expected a RevisionId.

        Older reads may have them, too: LastModified tells these.
        """
        found = self.get(function)["Configuration"]
        since = self._modified.get(expected, "")
        newer = modified_of(found) > since != "" and not self.past(found)
        fits = all(found.get(key, "") == value for key, value in fields.items())
        return found if newer and fits else None

    def stops(self) -> bool:
        """Tell if the user wants to stop."""
        if not self.stop():
            return False
        if self._heard_s is None:
            self._heard_s = self.clock.monotonic()
        return True

    def hurries(self) -> bool:
        """Tell if the user wants to stop; restoring goes on."""
        return not self._restoring and self.stops()

    def gives_up(self, began_s: float) -> bool:
        """Tell if the user wants to stop, and restoring has had its time since."""
        if not self.stops() or self._heard_s is None:
            return False
        since_s = self.clock.monotonic() - max(began_s, self._heard_s)
        return not self._restoring or since_s > _STOPPED_LIMIT_S

    def failed(self, call: ApiCall, error: Exception, began_s: float) -> None:
        """Say now and then what is waited for."""
        if self.patience.limit(error) > 1:
            self._tell_wait(f"{translate(error, call).reason}; trying again", began_s)

    def _tell_wait(self, why: str, since_s: float) -> None:
        now_s = self.clock.monotonic()
        if now_s - max(since_s, self._told_s) >= _QUIET_S:
            self._told_s = now_s
            doing = "restoring" if self._restoring else "waiting"
            self.tell(f"still {doing}, for {now_s - since_s:.0f} s: {why}")

    def call(
        self, operation: str, function: str, done: Done = lambda: None, /, **parameters: Any
    ) -> Mapping[str, Any]:
        """Send an operation on a function; parameters that are ``None`` are left out."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return self.send(operation, function, done, FunctionName=function, **given)

    def past(self, found: Configuration, waited_s: float = 0.0) -> bool:
        """Tell if a read of ``$LATEST`` is older than what is known already."""
        revision, newest = revision_of(found), self._newest.get(unqualified(found["FunctionArn"]))
        doubtful = revision in self._doubtful and waited_s < _DOUBTFUL_S
        doubtful = doubtful or (revision in self._journalled and waited_s < _STALE_S)
        older = newest is not None and modified_of(found) < newest
        return revision in self._replaced or older or doubtful

    def exists(self, arn: str) -> bool:
        """True if the function is there; by ARN, since plain names depend on the credentials."""
        with suppress(NotFound):
            self.configuration(arn)
            return True
        return False

    def update(
        self,
        function: str,
        memory_mb: int,
        description: str,
        revision_id: str,
        snap_start: str | None = None,
    ) -> Configuration:
        """Set only memory and description of ``$LATEST``, and what SnapStart applies on if that
        is given. Does not wait.

        An empty ``revision_id`` is left out: some stand-ins for Lambda (moto) have none.
        """
        fields = {"MemorySize": memory_mb, "Description": description}
        return self.call(
            "UpdateFunctionConfiguration",
            function,
            lambda: self._seen(lambda: self._as_set(function, revision_id, **fields)),
            **fields,
            SnapStart=None if snap_start is None else {"ApplyOn": snap_start},
            RevisionId=revision_id or None,
        )

    def update_code(
        self, function: str, package: bytes, arch: str, now: Configuration
    ) -> Configuration:
        """Set the architecture of ``$LATEST`` as it was just read, with the package that it has.
        Does not wait."""
        expected = revision_of(now)
        fields = {"Architectures": [arch], "CodeSha256": now["CodeSha256"]}
        return self.call(
            "UpdateFunctionCode",
            function,
            lambda: self._seen(lambda: self._as_set(function, expected, **fields)),
            ZipFile=package,
            Architectures=[arch],
            RevisionId=expected or None,
        )

    def publish(
        self, function: str, description: str, revision_id: str, code_sha256: str
    ) -> Configuration:
        """Publish ``$LATEST``; for an unchanged function Lambda returns the version it has."""
        return self.call(
            "PublishVersion",
            function,
            Description=description,
            CodeSha256=code_sha256,
            RevisionId=revision_id or None,
        )

    def untag(self, arn: str, keys: Iterable[str]) -> None:
        """Remove tags."""
        wanted = sorted(keys)
        # Where tags may not be read, none are ever seen.
        seen = self._tags_seen.get(arn, set()) & set(wanted)

        def gone() -> Mapping[str, Any] | None:
            there = self.get(arn).get("Tags") or {}
            return None if not seen or set(wanted) & set(there) else {}

        self.send("UntagResource", arn, lambda: self._seen(gone), Resource=arn, TagKeys=wanted)

    def delete_version(self, function: str, version: str) -> bool:
        """Delete one published version; ``False`` if it was gone already."""
        if not version.isdigit():
            raise ValueError(f"not a published version: {version!r}")
        return self._delete("DeleteFunction", "GetFunction", function, Qualifier=version)

    def delete_clone(self, arn: str) -> bool:
        """Delete a temporary copy, versions and all; ``False`` if it was gone already."""
        if not arn.rsplit(":", 1)[-1].startswith(CLONE_PREFIX):
            raise ValueError(f"not a copy of ours: {arn!r}")
        return self._delete("DeleteFunction", "GetFunction", arn)

    def withdraw(self, function: str, version: str) -> bool:
        """Remove a version's provisioned concurrency; ``False`` if there was none."""
        kind = "ProvisionedConcurrencyConfig"
        return self._delete(f"Delete{kind}", f"Get{kind}", function, Qualifier=version)

    def provisioned(self, function: str) -> Iterator[Mapping[str, Any]]:
        """A function's provisioned concurrency: ``FunctionArn`` (with its qualifier) and counts."""
        operation = "ListProvisionedConcurrencyConfigs"
        for page in self.pages(operation, function, MARKER, FunctionName=function):
            yield from page["ProvisionedConcurrencyConfigs"]

    def get_alias(self, function: str, name: str) -> Mapping[str, Any]:
        """One alias, with its ``RoutingConfig`` if it splits traffic."""
        return self.call("GetAlias", function, Name=name)

    def update_alias(
        self, function: str, alias: Mapping[str, Any], version: str, weights: Mapping[str, float]
    ) -> Mapping[str, Any]:
        """Point an alias, as it was just read, at a version, with shares of its traffic on others;
        all of it is set."""
        expected = alias.get("RevisionId", "")

        def moved() -> Mapping[str, Any] | None:
            now = self.get_alias(function, alias["Name"])
            there = now["FunctionVersion"], weights_of(now)
            changed = now.get("RevisionId", "") != expected
            return now if changed and there == (version, dict(weights)) else None

        return self.call(
            "UpdateAlias",
            function,
            lambda: self._seen(moved),
            Name=alias["Name"],
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": dict(weights)},
            RevisionId=expected or None,
        )

    def versions(self, function: str) -> Iterator[Configuration]:
        """Every version, ``$LATEST`` included."""
        for page in self.pages("ListVersionsByFunction", function, MARKER, FunctionName=function):
            yield from page["Versions"]

    def functions(self) -> Iterator[Configuration]:
        """Every function of the account in this region."""
        for page in self.pages("ListFunctions", "the account", MARKER):
            yield from page["Functions"]

    def account_concurrency(self) -> int | None:
        """The invocations that the account may have in flight; ``None`` if it cannot be read,
        which is no reason to stop: the permission is often missing, and it is only a hint."""
        limits = self.account_limits()
        return None if limits is None else int(limits["ConcurrentExecutions"])

    def account_limits(self) -> Mapping[str, Any] | None:
        """The account's ``AccountLimit``; ``None`` if it cannot be read."""
        try:
            settings = self.send("GetAccountSettings", "the account")
        except TargetError:
            return None
        limits: Mapping[str, Any] = settings["AccountLimit"]
        return limits

    def wait(
        self, function: str, qualifier: str | None = None, known: Configuration | None = None
    ) -> Configuration:
        """:meth:`settle`; raises :class:`TargetError` for a failed update or version."""
        return usable(self.settle(function, qualifier, known), function)

    def settle(
        self, function: str, qualifier: str | None = None, known: Configuration | None = None
    ) -> Configuration:
        """Poll GetFunction until nothing is in progress, as botocore's ``_v2`` waiters do.

        ``known`` is the answer to a change that was just made; it saves the first call.
        """
        limit_s = _RESTORING_LIMIT_S if self._restoring else WAIT_LIMIT_S
        began_s = self.clock.monotonic()
        now = known or self.configuration(function, qualifier)
        while not settled(now):
            if self.hurries():
                raise Interrupted(function, "stopped while Lambda was still updating it")
            waited_s = self.clock.monotonic() - began_s
            if waited_s > limit_s or self.gives_up(began_s):
                reason = f"still not ready after {waited_s:.0f} s"
                raise TargetError(function, reason, "Try again later.")
            self._tell_wait(f"Lambda is still updating {function}", began_s)
            self.clock.sleep(self.poll_s)
            now = self.configuration(function, qualifier)
        return now

    def _delete(self, operation: str, read: str, function: str, **parameters: Any) -> bool:
        def gone() -> Mapping[str, Any] | None:
            try:
                self.call(read, function, **parameters)
            except NotFound:
                return {}
            return None

        with suppress(NotFound):
            self.call(operation, function, lambda: self._seen(gone), **parameters)
            return True
        return False
