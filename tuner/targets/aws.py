"""A function on AWS, or behind any endpoint that speaks Lambda's API: described, sized, put back.

Sizes are published versions (``tuner.aws.versions``), so production traffic on aliases and
versions never sees them, and ``$LATEST`` is back as it was before anything is measured. It never
invokes.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ulid import ULID

from tuner.aws.clone import clone_arn, clone_name, make_clone
from tuner.aws.control import Configuration, ControlPlane, revision_of, settled, unqualified
from tuner.aws.journal import MARK, Before, Journal, JournalHeader
from tuner.aws.logs import FunctionLog, LogReports
from tuner.aws.provisioned import provision, wait_until_ready, withdraw
from tuner.aws.restore import restore_function
from tuner.aws.session import SessionOptions, current_keys, open_session
from tuner.aws.versions import VersionMaker
from tuner.clock import Clock, WallClock
from tuner.errors import AccessDenied, ChangedUnderneath, TargetError, UsageError
from tuner.recording.reportline import Report
from tuner.records import ON_DEMAND, SNAP_START, FunctionFacts, Setting
from tuner.targets.aws_observers import open_metrics, open_trail
from tuner.targets.choices import Isolation, isolation_notes
from tuner.targets.facts import function_facts
from tuner.targets.names import TargetName
from tuner.targets.observers import EventTrail, ServiceMetrics
from tuner.targets.seam import (
    OWNED_BY,
    Code,
    Credentials,
    Endpoint,
    Prepared,
    Progress,
    Target,
    Variant,
    never,
)
from tuner.targets.suitability import (
    refuse_other_version,
    refuse_split_alias,
    refuse_startups,
    refuse_unsuitable,
)

if TYPE_CHECKING:
    from tuner.targets.checkup import Finding


from tuner.records import Advice, Backend, Part
from tuner.targets.choices import read_arches
from tuner.targets.composite import Composite

#: Where changes are journalled, in the working directory.
JOURNAL_DIRECTORY = Path(".tuner/journal")


@dataclass(frozen=True)
class AwsOptions:
    """Where the function is, as whom, how sizes are made, and where changes are journalled.

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


def open_aws(name: TargetName, options: AwsOptions) -> "AwsTarget":
    """Open a session for a function; nothing is asked yet. An ARN's region is used."""
    given = options.session
    if name.region and given.region and name.region != given.region:
        raise UsageError(
            name.text,
            f"its ARN is in {name.region}, but --region says {given.region}",
            "Leave --region out.",
        )
    session = open_session(replace(given, region=given.region or name.region))
    return AwsTarget(ControlPlane(session, options.clock), name, options)


class AwsTarget(Target):
    """One function, reached through Lambda's API."""

    def __init__(self, control: ControlPlane, name: TargetName, options: AwsOptions) -> None:
        self._control = control
        self._name = name
        self._options = options
        self._facts: FunctionFacts | None = None
        self._latest: Configuration = {}
        self._journal: Journal | None = None
        self._maker: VersionMaker | None = None
        self._versions: dict[Setting, str] = {}
        self._log_group: str | None = None
        self._logs: LogReports | None = None
        self._opened_s = options.clock.wall()
        self._id = str(ULID.from_timestamp(options.clock.wall()))
        self.one_at_a_time = options.isolation is Isolation.IN_PLACE
        self.notes = isolation_notes(options.isolation)

    def describe(self) -> FunctionFacts:
        """Read the function once; raises :class:`TargetError` if it cannot be measured."""
        if self._facts is None:
            self._facts = self._read()
        return self._facts

    def check_up(self) -> "Iterator[Finding]":
        """What stands in the way of measuring it, question by question; changes nothing."""
        from tuner.targets.checkup import check_up  # only `tuner doctor` needs it

        return check_up(self._control, self._name)

    def check(self, settings: Iterable[Setting]) -> None:
        """Hold the function, its account and what it has against what is asked."""
        wanted = list(settings)
        if any(setting.start != ON_DEMAND for setting in wanted):
            facts = self.describe()
            found = self._control.get(self._name.function)
            refuse_startups(self._control, found, self._name.qualifier, wanted, facts.backend)

    def prepare(
        self, settings: Iterable[Setting], *, fresh: bool = False, stop: Callable[[], bool] = never
    ) -> Prepared:
        """Publish what is missing, with ``$LATEST`` put back once at the end; a way to start has
        a version for it alone."""
        wanted = {setting: _made_of(setting) for setting in settings}
        arch = self._options.arch or self.describe().arch
        made: dict[Setting, str | TargetError | None] = {
            key: TargetError(self._name.text, f"runs on {arch}, and not on {key.arch}")
            for key in wanted.values()
            if key.arch != arch
        }
        keys = [key for key in dict.fromkeys(wanted.values()) if key not in made]
        usual = [key for key in keys if key.start == ON_DEMAND]
        made |= self._in_place(usual, fresh) if self.one_at_a_time else self._sizes(usual, fresh)
        made |= {key: self._started(key, fresh, stop) for key in keys if key.start != ON_DEMAND}
        return {setting: self._variant(setting, made[key]) for setting, key in wanted.items()}

    def release(self, variant: Variant) -> None:
        """Remove provisioned concurrency; a snapshot is paid until its version is deleted."""
        if variant.setting.provisioned and variant.qualifier is not None:
            withdraw(self._control, self._invoked(), variant.qualifier)
            self._versions.pop(_made_of(variant.setting), None)

    def endpoint(self) -> Endpoint:
        """The Invoke API of the function's region."""
        session = self._control.session
        keys = current_keys(session)
        return Endpoint(
            url=session.endpoint_url,
            region=session.region,
            function=self._invoked(),
            credentials=lambda: Credentials(*keys()),
            verify_tls=session.verify_tls,
        )

    def reports(self, request_ids: Sequence[str]) -> Mapping[str, Report]:
        """From the function's log group in CloudWatch; a copy logs there, too."""
        if self._logs is None:
            self._logs = LogReports(self._log(), self._options.clock, self._opened_s)
        return self._logs.find(request_ids)

    def events(self, variant: Variant) -> EventTrail:
        """From the function's log, and from a local Lambda's own records."""
        facts = self.describe()
        if facts.log_format == "JSON" and facts.system_log_level in ("WARN", "ERROR"):
            level = facts.system_log_level
            reason = (
                f"its system log level {level} leaves out START and REPORT, which tell of events"
            )
            raise TargetError(self._name.text, reason, "Set it to INFO, or leave --mode async out.")
        log = self._log(beside=True)
        return open_trail(self._control, log, self._invoked(), variant.qualifier)

    def beside(self, code: Code) -> Target:
        """A temporary copy of the function with other code, journalled as every copy is."""
        options = replace(self._options, isolation=Isolation.CLONE, code=code)
        return AwsTarget(self._control, replace(self._name, qualifier=None), options)

    def copied_to(self, arch: str) -> "AwsTarget":
        """A temporary copy of the function on an architecture, journalled as every copy is."""
        options = replace(self._options, isolation=Isolation.CLONE, arch=arch)
        return AwsTarget(self._control, self._name, options)

    def published(self, qualifier: str) -> Variant:
        """A version or alias of the function, as it is configured there."""
        function = self._name.function
        if qualifier != "$LATEST" and not qualifier.isdigit():
            text = f"{function}:{qualifier}"
            refuse_split_alias(self._control.get_alias(function, qualifier), text)
        found = self._control.configuration(function, qualifier)
        arch = (found.get("Architectures") or ["x86_64"])[0]
        return Variant(Setting(found["MemorySize"], arch), qualifier)

    def metrics(self) -> ServiceMetrics | None:
        """CloudWatch and X-Ray; a local Lambda has them only where the environment names them."""
        facts = self.describe()
        function = facts.name
        if self._options.isolation is Isolation.CLONE:
            function = self._invoked()
        return open_metrics(self._control, function, self._options.progress, traced=facts.traced)

    def restore(self) -> None:
        """``$LATEST`` as it was, every version of ours deleted, the journal removed."""
        if self._journal is None:
            return
        self._options.progress("putting the function back")
        restore_function(self._journal.entry(), self._control)
        self._journal.finish()
        self._journal = self._maker = None
        self._versions.clear()

    def close(self) -> None:
        """Let go of connections and of the journal, which stays pending if not restored."""
        if self._journal is not None:
            self._journal.close()
        self._control.session.client.close()

    def _log(self, *, beside: bool = False) -> FunctionLog:
        group = self._log_group or f"/aws/lambda/{self.describe().name}"
        return FunctionLog(self._control.session, group, self._options.clock, beside=beside)

    def _invoked(self) -> str:
        """What is invoked: the function, or the copy that will be made of it."""
        if self._options.isolation is Isolation.CLONE:
            return clone_name(self._name.function, self._id)
        return self._name.function

    def _in_place(self, keys: Sequence[Setting], fresh: bool) -> dict[Setting, Any]:
        """``$LATEST`` itself at each size; the size before it cannot be invoked any more."""
        made: dict[Setting, TargetError | None] = {}
        for key in keys:
            made[key] = None
            if fresh or key not in self._versions:
                self._options.progress(f"setting $LATEST to {key.memory_mb} MB")
                try:
                    self._open_maker().hold(key.memory_mb)
                except (AccessDenied, ChangedUnderneath):
                    raise
                except TargetError as error:
                    made[key] = _about_size(error, self._name.text, key.memory_mb)
                    continue
                self._versions = {key: "$LATEST"}
        return made

    def _sizes(self, keys: Sequence[Setting], fresh: bool) -> dict[Setting, Any]:
        """A published version for each size."""
        missing = {key.memory_mb: key for key in keys if fresh or key not in self._versions}
        failed: dict[Setting, TargetError] = {}
        for size, found in (self._publish(list(missing)) if missing else {}).items():
            if isinstance(found, TargetError):
                failed[missing[size]] = _about_size(found, self._name.text, size)
            else:
                self._versions[missing[size]] = found
        return {key: failed.get(key) or self._versions[key] for key in keys}

    def _started(self, key: Setting, fresh: bool, stop: Callable[[], bool]) -> str | TargetError:
        """A version whose sandboxes start in another way than on demand."""
        if fresh or key not in self._versions:
            try:
                self._versions[key] = self._start(key, stop)
            except (AccessDenied, ChangedUnderneath):
                raise
            except TargetError as error:
                return error
        return self._versions[key]

    def _start(self, key: Setting, stop: Callable[[], bool]) -> str:
        """Publish a version for it alone: a snapshot, or one with provisioned concurrency."""
        maker, snap = self._open_maker(), key.start == SNAP_START
        words = "a snapshot, which takes minutes" if snap else "a version"
        self._options.progress(f"publishing {words} of {key.memory_mb} MB")
        made = maker.make([key.memory_mb], snap_start=snap)[key.memory_mb]
        if isinstance(made, TargetError):
            raise made
        if key.provisioned:
            assert self._journal is not None, "opened with the maker"
            self._options.progress(f"waiting for {key.provisioned} provisioned sandboxes")
            provision(self._control, self._journal, made, key.provisioned)
            try:
                wait_until_ready(self._control, self._invoked(), made, stop)
            except TargetError:
                withdraw(self._control, self._invoked(), made)
                raise
        return made

    def _variant(self, setting: Setting, made: str | TargetError | None) -> Variant | TargetError:
        if isinstance(made, TargetError):
            return made
        copied = self._options.arch is not None or self._options.code is not None
        return Variant(setting, made, self._invoked() if copied else None)

    def _publish(self, sizes_mb: list[int]) -> Mapping[int, str | TargetError]:
        maker = self._open_maker()
        listed = ", ".join(map(str, sizes_mb))
        where = f" on {self._options.arch}" if self._options.arch else ""
        self._options.progress(f"publishing a version for {listed} MB{where}")
        return maker.make(sizes_mb)

    def _open_maker(self) -> VersionMaker:
        self.describe()
        if self._maker is None:
            self._maker = self._begin()
        return self._maker

    def _begin(self) -> VersionMaker:
        start = self._control.wait(self._name.function)
        refuse_unsuitable(start, self._name.text)
        self._refuse_marked(start)
        self._journal = Journal(self._options.journal, self._opening(start))
        if self._options.isolation is Isolation.CLONE:
            options = self._options
            where = f" on {options.arch}" if options.arch else ""
            options.progress(f"making a temporary copy of the function{where}")
            return make_clone(self._control, self._journal, OWNED_BY, options.code, options.arch)
        return VersionMaker(self._control, self._journal, start)

    def _opening(self, start: Configuration) -> JournalHeader:
        """What the journal begins with: the function as it is now."""
        arn, session = unqualified(start["FunctionArn"]), self._control.session
        clone = self._options.isolation is Isolation.CLONE
        return JournalHeader(
            id=self._id,
            function=self._name.function,
            arn=arn,
            region=session.region,
            endpoint_url=session.endpoint_url,
            profile=session.profile,
            before=Before(
                memory_mb=start["MemorySize"],
                description=start.get("Description", ""),
                revision_id=revision_of(start),
                code_sha256=start["CodeSha256"],
            ),
            opened_at=self._options.clock.wall(),
            pid=os.getpid(),
            assume_role=session.assume_role,
            clone=clone_arn(arn, self._invoked()) if clone else None,
        )

    def _refuse_marked(self, start: Configuration) -> None:
        """What an earlier run has left changed must not be taken for how it was."""
        if MARK.match(start.get("Description", "")):
            raise TargetError(
                self._name.text,
                "another measurement is changing it, or was interrupted while it did",
                "Wait for the other one to end, or put the function back with `tuner restore`.",
            )

    def _read(self) -> FunctionFacts:
        function, qualifier, text = self._name.function, self._name.qualifier, self._name.text
        found = self._control.get(function)
        latest = found["Configuration"]
        if not settled(latest):
            latest = self._control.settle(function)
        configuration = latest
        if qualifier is not None:
            configuration = self._control.configuration(function, qualifier)
            if not qualifier.isdigit():
                refuse_split_alias(self._control.get_alias(function, qualifier), text)
            refuse_other_version(configuration, latest, text)
        refuse_unsuitable(latest, text)
        self._log_group = (configuration.get("LoggingConfig") or {}).get("LogGroup")
        return function_facts(self._control, configuration, found.get("Concurrency") or {})


def _about_size(error: TargetError, text: str, memory_mb: int) -> TargetError:
    return type(error)(f"{text} at {memory_mb} MB", error.reason, error.fix)


def _made_of(setting: Setting) -> Setting:
    """What makes a version differ from another of the same function."""
    return setting._replace(code="", load="")


def on_architectures(target: AwsTarget, written: str) -> Target:
    """Temporary copies of a function on the architectures that are asked for.

    The function itself, as its isolation says, where that is the only one. Raises UsageError, or
    TargetError where the function cannot be read.
    """
    facts = target.describe()
    arches = read_arches(written, facts.arch)
    if arches == (facts.arch,):
        return target
    notes = isolation_notes(Isolation.CLONE)
    if facts.backend is Backend.LOCAL:
        notes = (*notes, Advice("same-processor", _SAME_PROCESSOR))
    return Composite(facts, {Part(arch): target.copied_to(arch) for arch in arches}, notes)


_SAME_PROCESSOR = (
    "The local Lambda runs every architecture on this machine's own processor: only prices differ, "
    "and nothing is said about durations on another one. Measure the function on AWS."
)
