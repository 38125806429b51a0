"""May CloudWatch and X-Ray be asked what they saw of a function? Each right is tried by a question
of no consequence. None of them is needed to measure.
"""

from collections.abc import Callable, Iterator

from tuner.aws.calls import AwsService
from tuner.aws.control import ControlPlane
from tuner.aws.metrics import read_metrics
from tuner.errors import AccessDenied, TunerError
from tuner.records import Metric
from tuner.targets.aws_witness import cloudwatch_beside
from tuner.targets.finding import Finding, Level

_SPAN_S = 60.0
_FIX = (
    "Only the comparison after a run needs it: `tuner policy sweep` prints a policy that allows "
    "it, and --no-cross-check leaves the comparison out."
)


def witness_findings(control: ControlPlane, function: str, *, traced: bool) -> Iterator[Finding]:
    """A finding per right; those of X-Ray only of a function that is traced, and none where
    there are no such services."""
    now_s = control.clock.wall()
    cloudwatch = cloudwatch_beside(control)
    if cloudwatch is None:
        return
    span_s = (now_s - _SPAN_S, now_s)
    yield _tried(
        "cloudwatch:GetMetricData",
        lambda: read_metrics(cloudwatch, function, [None], span_s, [Metric.INVOCATIONS]),
    )
    xray = AwsService(control.session, "xray", control.clock)
    if not traced or not xray.available:
        return
    span = {"StartTime": span_s[0], "EndTime": span_s[1]}
    nobodys = f"1-{int(now_s):08x}-{'0' * 24}"
    yield _tried("xray:GetTraceSummaries", lambda: xray.send("GetTraceSummaries", function, **span))
    yield _tried(
        "xray:BatchGetTraces", lambda: xray.send("BatchGetTraces", function, TraceIds=[nobodys])
    )


def _tried(name: str, ask: Callable[[], object]) -> Finding:
    try:
        ask()
    except AccessDenied as error:
        return Finding(name, Level.WARNING, error.reason, _FIX)
    except TunerError as error:
        return Finding(name, Level.UNKNOWN, f"could not be tried: {error.reason}", _FIX)
    return Finding(name, Level.OK, "allowed")
