"""A function on AWS, or behind any endpoint that speaks Lambda's API.

Sizes are published versions (``tuner.aws.versions``), so production traffic on aliases and
versions never sees them, and ``$LATEST`` is back as it was before anything is measured. It never
invokes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from ulid import ULID

from tuner.aws.configuration import Configuration, changed_parts, settled
from tuner.aws.control import ControlPlane
from tuner.aws.logs import FunctionLog, LogReports
from tuner.aws.session import AwsSession, current_keys, narrowed_keys, open_session, refuse_proxy
from tuner.clock import never
from tuner.errors import NotServed, TargetError, TunerError, UsageError
from tuner.locallambda.limits.cpu import cores
from tuner.recording.reportline import Report
from tuner.records import ON_DEMAND, Advice, Backend, FunctionFacts, Part, Setting
from tuner.targets.aws_observers import neighbours_of, open_metrics, open_trail
from tuner.targets.aws_versions import AwsOptions, Deployed
from tuner.targets.choices import NOTES, Isolation, read_arches
from tuner.targets.composite import Composite
from tuner.targets.machine import Neighbours
from tuner.targets.names import TargetName
from tuner.targets.observers import EventTrail, ServiceMetrics
from tuner.targets.seam import (
    Code,
    Credentials,
    Endpoint,
    Finding,
    Prepared,
    Target,
    Variant,
)
from tuner.targets.suitability import (
    function_facts,
    refuse_other_version,
    refuse_split_alias,
    refuse_startups,
    refuse_unsuitable,
)


def open_aws(name: TargetName, options: AwsOptions) -> "AwsTarget":
    """Open a session for a function; nothing is asked yet. An ARN's region is used."""
    given = options.session
    if name.region and given.region and name.region != given.region:
        reason = f"its ARN is in {name.region}, but --region says {given.region}"
        raise UsageError(name.text, reason, "Leave out --region.")
    session = open_session(replace(given, region=given.region or name.region))
    return AwsTarget(ControlPlane(session, options.clock), name, options)


def endpoint_of(session: AwsSession, function: str) -> Endpoint:
    """The Invoke API of a session's region, for one function."""
    keys = current_keys(session)
    return Endpoint(
        url=session.endpoint_url,
        region=session.region,
        function=function,
        credentials=lambda: Credentials(*keys()),
        verify_tls=session.verify_tls,
    )


_AGAIN = "Measure again when nobody deploys."


class AwsTarget(Target):
    """One function, reached through Lambda's API."""

    def __init__(self, control: ControlPlane, name: TargetName, options: AwsOptions) -> None:
        self._control = control
        self._name = name
        self._options = options
        self._facts: FunctionFacts | None = None
        self._measured: Configuration | None = None
        self._log_group: str | None = None
        self._neighbours: Neighbours | None = None
        self._logs: LogReports | None = None
        self._opened_s = options.clock.wall()
        self.run = str(ULID.from_timestamp(options.clock.wall()))
        self._deployed = Deployed(control, name, options, self.run)
        self.one_at_a_time = options.isolation is Isolation.IN_PLACE
        self.notes = NOTES[options.isolation]

    def describe(self) -> FunctionFacts:
        """Read the function once; raises :class:`TargetError` if it cannot be measured."""
        if self._facts is None:
            self._facts = self._read()
        return self._facts

    @property
    def session(self) -> AwsSession:
        """The session that it is reached through."""
        return self._control.session

    def lacks_control_plane(self) -> bool:
        """Return whether another endpoint than AWS's says that it has no GetFunction."""
        if ".amazonaws.com" in self.session.endpoint_url:
            return False
        try:
            self.describe()
        except NotServed:
            return True
        except TunerError:
            pass  # said where the facts are needed
        return False

    def check_up(self) -> Iterator[Finding]:
        """Check what stands in the way of measuring it, question by question; changes nothing."""
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
        refuse_proxy(self._control.session)
        arch = self._options.arch or self.describe().arch
        return self._deployed.prepare(settings, arch, fresh, stop)

    def release(self, variant: Variant) -> None:
        """Remove provisioned concurrency; a snapshot is paid until its version is deleted."""
        self._deployed.release(variant)

    def endpoint(self) -> Endpoint:
        """The Invoke API of the function's region."""
        session = self._control.session
        found = endpoint_of(session, self._deployed.function)
        return found if session.loopback else replace(found, narrowed=self._narrowed)

    def _narrowed(self) -> Callable[[], Credentials]:
        called = self._deployed.function
        if not called.startswith("arn:"):
            called = ":".join((*self.describe().arn.split(":")[:6], called))
        keys = narrowed_keys(self._control.session, called)
        return lambda: Credentials(*keys())

    def reports(self, request_ids: Sequence[str]) -> Mapping[str, Report]:
        """From the function's log group in CloudWatch; a copy logs there, too."""
        if self._logs is None:
            self._logs = LogReports(self._log(), self._options.clock, self._opened_s)
        return self._logs.find(request_ids)

    def events(self, variant: Variant) -> EventTrail:
        """From the function's log, and from a local Lambda's own records."""
        facts = self.describe()
        if facts.log_format == "JSON" and facts.system_log_level in ("WARN", "ERROR"):
            hides = f"its system log level {facts.system_log_level} hides START and REPORT"
            reason = f"{hides}, which events are followed by"
            raise TargetError(self._name.text, reason, "Set it to INFO, or leave out --mode async.")
        log = self._log(beside=True)
        return open_trail(self._control, log, self._deployed.function, variant.qualifier)

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
        refuse_split_alias(self._control, function, qualifier, f"{function}:{qualifier}")
        found = self._control.configuration(function, qualifier)
        arch = (found.get("Architectures") or ["x86_64"])[0]
        return Variant(Setting(found["MemorySize"], arch), qualifier)

    def metrics(self) -> ServiceMetrics | None:
        """CloudWatch and X-Ray; a local Lambda has them only where the environment names them."""
        facts = self.describe()
        function = facts.name
        if self._options.isolation is Isolation.CLONE:
            function = self._deployed.function
        return open_metrics(self._control, function, self._options.progress, traced=facts.traced)

    def doubts(self) -> tuple[Advice, ...]:
        """Other programs that kept the machine busy meanwhile, where the service is on this one."""
        return () if self._neighbours is None else self._neighbours.advice(cores())

    def altered(self) -> tuple[Advice, ...]:
        """What of ``$LATEST``, a version or an alias is not as it was first read, once restored."""
        if self._measured is None or self._deployed.published:
            return ()
        in_place = self._options.isolation is Isolation.IN_PLACE
        with suppress(TunerError):  # nothing is known then
            qualifier = None if in_place else self._name.qualifier
            now = self._control.configuration(self._name.function, qualifier)
            what = changed_parts(self._measured, now)
            if what:
                who = f"Somebody else changed {self._name.text} during the run ({', '.join(what)})"
                return (Advice("changed-meanwhile", f"{who}: its figures are of both. {_AGAIN}"),)
        return ()

    def restore(self) -> None:
        """``$LATEST`` as it was, every version of ours deleted, the journal removed."""
        self._deployed.restore()

    def close(self) -> None:
        """Let go of connections and of the journal, which stays pending if not restored."""
        self._deployed.close()
        self._control.session.client.close()

    def _log(self, *, beside: bool = False) -> FunctionLog:
        group = self._log_group or f"/aws/lambda/{self.describe().name}"
        return FunctionLog(self._control.session, group, self._options.clock, beside=beside)

    def _read(self) -> FunctionFacts:
        function, qualifier, text = self._name.function, self._name.qualifier, self._name.text
        found = self._control.get(function)
        latest = found["Configuration"]
        if not settled(latest):
            latest = self._control.settle(function)
        self._deployed.was_read(latest)
        configuration = latest
        if qualifier is not None:
            configuration = self._control.configuration(function, qualifier)
            refuse_split_alias(self._control, function, qualifier, text)
            refuse_other_version(configuration, latest, text)
        refuse_unsuitable(latest, text)
        self._measured = configuration
        self._log_group = (configuration.get("LoggingConfig") or {}).get("LogGroup")
        facts = function_facts(self._control, configuration, found.get("Concurrency") or {})
        if facts.backend is Backend.LOCAL:
            self._neighbours = neighbours_of(self.session.endpoint_url)
        return facts


def on_architectures(target: AwsTarget, written: str) -> Target:
    """Temporary copies of a function on the architectures that are asked for.

    The function itself, as its isolation says, where that is the only one. Raises UsageError, or
    TargetError where the function cannot be read.
    """
    facts = target.describe()
    arches = read_arches(written, facts.arch)
    if arches == (facts.arch,):
        return target
    notes = NOTES[Isolation.CLONE]
    if facts.backend is Backend.LOCAL:
        notes = (*notes, Advice("same-processor", _SAME_PROCESSOR))
    return Composite(facts, {Part(arch): target.copied_to(arch) for arch in arches}, notes)


_SAME_PROCESSOR = (
    "The local Lambda runs every architecture on this machine's own processor: only prices differ, "
    "and nothing is said about durations on another one. Measure the function on AWS."
)
