"""CloudWatch and X-Ray as witnesses of a function's invocations on AWS."""

from collections.abc import Collection, Mapping, Sequence

from tuner.aws.calls import AwsService
from tuner.aws.control import ControlPlane
from tuner.aws.metrics import read_metrics
from tuner.aws.traces import read_traces
from tuner.records import Metered, Metric, Place, Traced
from tuner.targets.platform import platform_facts
from tuner.targets.seam import Progress
from tuner.targets.witness import Witness


def open_witness(
    control: ControlPlane, function: str, progress: Progress, *, traced: bool
) -> "AwsWitness | None":
    """The services beside this Lambda, for a function by its bare name; ``None`` if there is no
    CloudWatch. Neither is asked yet."""
    cloudwatch = cloudwatch_beside(control)
    if cloudwatch is None:
        return None
    xray = AwsService(control.session, "xray", control.clock) if traced else None
    return AwsWitness(function, cloudwatch, xray, progress)


def cloudwatch_beside(control: ControlPlane) -> AwsService | None:
    """CloudWatch, if there is one; a local Lambda that the environment names for all services
    counts nothing."""
    service = AwsService(control.session, "cloudwatch", control.clock)
    url = control.session.endpoint_url
    if not service.available or (service.same_place(url) and platform_facts(url)):
        return None
    return service


class AwsWitness(Witness):
    """One function's figures and traces."""

    def __init__(
        self, function: str, cloudwatch: AwsService, xray: AwsService | None, progress: Progress
    ) -> None:
        self.traced = xray is not None and xray.available
        self._function, self._progress = function, progress
        self._cloudwatch, self._xray = cloudwatch, xray

    def metered(
        self,
        places: Sequence[Place],
        span_s: tuple[float, float],
        metrics: Collection[Metric] = tuple(Metric),
    ) -> Mapping[Place, Metered]:
        """From CloudWatch."""
        qualifiers = [place.qualifier for place in places]
        found = read_metrics(self._cloudwatch, self._function, qualifiers, span_s, metrics)
        return {place: found[place.qualifier] for place in places}

    def traces(self, span_s: tuple[float, float]) -> Sequence[Traced]:
        """From X-Ray; none of a function that is not traced."""
        if self._xray is None or not self.traced:
            return ()
        return read_traces(self._xray, self._function, span_s)

    def tell(self, text: str) -> None:
        """As the target itself does."""
        self._progress(text)
