"""Can this function be measured here, by these credentials? One finding per question.

Reads, and tries each permission without changing anything: an update or a publication that names
a RevisionId nobody has is refused by Lambda after it has looked at the rights. What cannot be
tried so is said to be unknown. It never invokes (a dry run starts nothing).
"""

from collections.abc import Callable, Iterator

from tuner.aws.calls import AwsService
from tuner.aws.configuration import Configuration, revision_of
from tuner.aws.control import ControlPlane
from tuner.aws.logs import FunctionLog
from tuner.aws.lost import copies_of
from tuner.aws.metrics import read_metrics
from tuner.aws.session import refuse_proxy
from tuner.aws.tags import refuse_marked
from tuner.errors import AccessDenied, ChangedUnderneath, TargetError, TunerError, UsageError
from tuner.records import Backend, FunctionFacts, Metric
from tuner.targets.aws_observers import cloudwatch_beside
from tuner.targets.names import TargetName
from tuner.targets.seam import Finding, Level
from tuner.targets.suitability import (
    function_facts,
    no_snap_start,
    refuse_split_alias,
    refuse_unsuitable,
)
from tuner.units import counted

#: No revision of anything: a change that expects it is refused.
_NO_REVISION = "00000000-0000-0000-0000-000000000000"
_LARGEST_MB = 10_240
_NEW_ACCOUNT = 10
#: Questions to CloudWatch and X-Ray that try a right are about so many seconds.
_SPAN_S = 60.0
_COMPARISON_FIX = (
    "Only the cross-check after a run needs it: `tuner policy sweep` prints a policy that allows "
    "it, and --no-cross-check skips the comparison."
)


def check_up(control: ControlPlane, name: TargetName) -> Iterator[Finding]:
    """Every finding on a function, in order; ends early if it cannot even be read."""
    yield _way(control)
    yield from _credentials(control)
    try:
        found = control.get(name.function)
    except TunerError as error:
        yield _problem("function", error)
        return
    latest: Configuration = found["Configuration"]
    yield Finding("function", Level.OK, f"{latest['FunctionArn']} can be read")
    yield from _left(control, name, latest)
    facts = function_facts(control, latest, found.get("Concurrency") or {})
    yield _suitable(control, name, latest)
    yield from _permissions(control, name, latest, facts)
    yield from _concurrency(name, facts)
    yield _triggers(control, name)
    yield _startups(control, latest, facts.backend)
    yield _tracing(latest)


def _way(control: ControlPlane) -> Finding:
    """Find whether measured calls get to Lambda, which go through no proxy."""
    try:
        refuse_proxy(control.session)
    except UsageError as error:
        return Finding("proxy", Level.PROBLEM, f"{error.thing} {error.reason}", error.fix)
    return Finding("proxy", Level.OK, "none stands between this machine and Lambda")


def _credentials(control: ControlPlane) -> Iterator[Finding]:
    sts = AwsService(control.session, "sts", control.clock)
    if not sts.available:
        yield Finding("credentials", Level.OK, "not checked by a service on this machine")
        return
    try:
        who = sts.send("GetCallerIdentity", "AWS")
    except TunerError as error:
        yield _problem("credentials", error)
    else:
        yield Finding("credentials", Level.OK, f"valid, as {who['Arn']}")


def _suitable(control: ControlPlane, name: TargetName, latest: Configuration) -> Finding:
    try:
        refuse_unsuitable(latest, name.text)
        if name.qualifier is not None:
            refuse_split_alias(control, name.function, name.qualifier, name.text)
    except TunerError as error:
        return _problem("suitable", error)
    return Finding("suitable", Level.OK, "it is of a kind that can be measured")


def _left(control: ControlPlane, name: TargetName, latest: Configuration) -> Iterator[Finding]:
    """What a run says on the function that changes it, or was interrupted while it did, and the
    copies that runs have made of it."""
    try:
        refuse_marked(control, latest, name.function)
    except TargetError as error:
        yield _problem("left by a run", error)
        return
    if copies := copies_of(control, latest["FunctionName"]):
        one = copies[0]
        text = f"run {one.mark.run} measures its copy {one.arn}, or was interrupted while it did"
        fix = f"Wait for it to end, or delete the copy with `tuner restore {name.function}`."
        yield Finding("left by a run", Level.PROBLEM, text, fix)
    else:
        yield Finding("left by a run", Level.OK, "no run has left its mark on it, or a copy")


def _permissions(
    control: ControlPlane, name: TargetName, latest: Configuration, facts: FunctionFacts
) -> Iterator[Finding]:
    function = name.function
    invoke = {"InvocationType": "DryRun", "FunctionName": function}
    if name.qualifier is not None:  # a policy may allow an alias and not the function, or neither
        invoke["Qualifier"] = name.qualifier
    yield _tried("lambda:InvokeFunction", lambda: control.send("Invoke", function, **invoke))
    yield _logs(control, function, latest)
    yield from _services(control, function, traced=facts.traced)
    yield _tried("lambda:ListVersionsByFunction", lambda: next(control.versions(function), None))
    if not revision_of(latest):
        text = "not tried: this service has no RevisionId, so trying could change the function"
        yield Finding("lambda:UpdateFunctionConfiguration", Level.UNKNOWN, text)
    else:
        yield from _update(control, function, latest)
        yield _tried(
            "lambda:PublishVersion",
            lambda: control.publish(function, "", _NO_REVISION, latest["CodeSha256"]),
        )
    text = "not tried: there is no dry run, so trying would delete"
    fix = "`tuner policy sweep` prints a policy that allows it, for versions only."
    yield Finding("lambda:DeleteFunction", Level.UNKNOWN, text, fix)


def _logs(control: ControlPlane, function: str, latest: Configuration) -> Finding:
    """The right to read the function's log; it is no obstacle to most measurements."""
    name = "logs:FilterLogEvents"
    logging = latest.get("LoggingConfig") or {}
    group = logging.get("LogGroup") or f"/aws/lambda/{function}"
    if logging.get("SystemLogLevel") in ("WARN", "ERROR"):
        fix = "Set it to INFO for loads with --mode async; other measurements do not need it."
        return Finding(name, Level.WARNING, "its system log level hides START and REPORT", fix)

    def read() -> None:
        log = FunctionLog(control.session, group, control.clock, beside=True)
        next(log.lines(("REPORT RequestId",), control.clock.wall() - 60.0, most=1), None)

    fix = "Only --mode async needs it, and answers without REPORT in their log tail."
    return _tried(name, read, f"allowed on {group}", only_for=fix)


def _services(control: ControlPlane, function: str, *, traced: bool) -> Iterator[Finding]:
    """A finding per right; those of X-Ray only of a function that is traced, and none where
    there are no such services."""
    cloudwatch = cloudwatch_beside(control)
    if cloudwatch is None:
        return
    now_s = control.clock.wall()
    span_s = (now_s - _SPAN_S, now_s)
    asked: dict[str, Callable[[], object]] = {
        "cloudwatch:GetMetricData": lambda: read_metrics(
            cloudwatch, function, [None], span_s, [Metric.INVOCATIONS]
        )
    }
    xray = AwsService(control.session, "xray", control.clock)
    if traced and xray.available:
        span = {"StartTime": span_s[0], "EndTime": span_s[1]}
        nobodys = {"TraceIds": [f"1-{int(now_s):08x}-{'0' * 24}"]}
        asked["xray:GetTraceSummaries"] = lambda: xray.send("GetTraceSummaries", function, **span)
        asked["xray:BatchGetTraces"] = lambda: xray.send("BatchGetTraces", function, **nobodys)
    for name, ask in asked.items():
        yield _tried(name, ask, only_for=_COMPARISON_FIX)


def _update(control: ControlPlane, function: str, latest: Configuration) -> Iterator[Finding]:
    """The right to update; and the memory cap, if Lambda names it before the revision."""
    said = latest.get("Description", "")
    yield _tried(
        "lambda:UpdateFunctionConfiguration",
        lambda: control.update(function, latest["MemorySize"], said, _NO_REVISION),
    )
    try:
        control.update(function, _LARGEST_MB, said, _NO_REVISION)
    except TargetError as error:
        if "at most" in error.reason:
            yield Finding("memory cap", Level.WARNING, error.reason, error.fix)
            return
    text = f"Lambda named no cap below {_LARGEST_MB:,} MB; new accounts may still have 3,008 MB"
    yield Finding("memory cap", Level.OK, text)


def _tried(
    name: str, ask: Callable[[], object], ok: str = "allowed", *, only_for: str = ""
) -> Finding:
    """Try a right. ``only_for`` says what needs one that most measurements do without."""
    try:
        ask()
    except ChangedUnderneath:
        pass  # refused for the revision, so not for want of the right
    except AccessDenied as error:
        level = Level.WARNING if only_for else Level.PROBLEM
        return Finding(name, level, error.reason, only_for or error.fix)
    except TunerError as error:
        return Finding(name, Level.UNKNOWN, f"could not be tried: {error.reason}", error.fix)
    return Finding(name, Level.OK, ok)


def _concurrency(name: TargetName, facts: FunctionFacts) -> Iterator[Finding]:
    account, reserved = facts.account_concurrency, facts.reserved_concurrency
    if account is None:
        text = "the account's limit cannot be read"
        fix = "Allow lambda:GetAccountSettings; it only helps to size bursts."
        yield Finding("account concurrency", Level.UNKNOWN, text, fix)
    elif account <= _NEW_ACCOUNT:
        text = f"the account may run only {account} invocations at once"
        fix = "Ask for more in Service Quotas (Lambda, concurrent executions)."
        yield Finding("account concurrency", Level.WARNING, text, fix)
    else:
        yield Finding("account concurrency", Level.OK, f"{account:,} invocations at once")
    if reserved == 0:
        text = f"reserved concurrency of {name.text} is 0: every invocation is throttled"
        fix = "Raise or remove the function's reserved concurrency."
        yield Finding("reserved concurrency", Level.PROBLEM, text, fix)
    elif reserved is not None:
        text = f"{reserved}, which measuring shares with production"
        yield Finding("reserved concurrency", Level.OK, text)


def _triggers(control: ControlPlane, name: TargetName) -> Finding:
    try:
        answer = control.send("ListEventSourceMappings", name.function, FunctionName=name.function)
    except TunerError:
        text = "event source mappings cannot be listed"
        fix = "Allow lambda:ListEventSourceMappings, or check it yourself."
        return Finding("triggers", Level.UNKNOWN, text, fix)
    count = len(answer.get("EventSourceMappings", ()))
    if not count:
        return Finding("triggers", Level.OK, "no event source mapping invokes $LATEST")
    text = (
        f"{counted(count, 'event source mapping')} may invoke $LATEST while it briefly has "
        "another size"
    )
    return Finding("triggers", Level.WARNING, text, "Use --isolation clone to keep it untouched.")


def _startups(control: ControlPlane, latest: Configuration, backend: Backend) -> Finding:
    """Find which ways to start `tuner cold --variants` could compare; nothing else needs them."""
    name, reason = "ways to start", no_snap_start(latest, backend)
    snapshots = "SnapStart can be compared" if reason is None else f"no SnapStart, since {reason}"
    try:
        present = sum(1 for _ in control.provisioned(str(latest["FunctionName"])))
    except AccessDenied as error:
        fix = (
            "Only `tuner cold --variants` needs it; `tuner policy cold --variants provisioned=5` "
            "prints what else."
        )
        return Finding(name, Level.WARNING, error.reason, fix)
    except TargetError as error:
        return Finding(name, Level.UNKNOWN, f"{snapshots}; {error.reason}", error.fix)
    kept = f"{present} of its aliases and versions are provisioned now"
    return Finding(name, Level.OK, f"{snapshots}; {kept}")


def _tracing(latest: Configuration) -> Finding:
    mode = (latest.get("TracingConfig") or {}).get("Mode", "PassThrough")
    if mode == "Active":
        text = "X-Ray traces are on: they take a little time, and X-Ray bills them"
        return Finding("X-Ray", Level.OK, text)
    return Finding("X-Ray", Level.OK, f"{mode}: invocations of a measurement are not traced")


def _problem(name: str, error: TunerError) -> Finding:
    return Finding(name, Level.PROBLEM, error.reason, error.fix)
