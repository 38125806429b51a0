"""Moves an alias to the version that was published for it: at once, or in steps that are watched.

The alias goes nowhere if somebody else has moved it, and the caller moves it back when CloudWatch
shows that the new version is worse (``metrics.py``). Each move is noted before it is made.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tuner.aws.applied import Applied, Tell
from tuner.aws.calls import AwsService
from tuner.aws.changes import point
from tuner.aws.configuration import changed_meanwhile, weights_of
from tuner.aws.control import ControlPlane
from tuner.aws.metrics import SplitAlias, read_health, why_worse
from tuner.errors import TargetError
from tuner.units import format_share

#: A version that an alias points at, and the shares of its traffic on others.
Pointed = tuple[str, dict[str, float]]


@dataclass(frozen=True)
class Steps:
    """The shares of an alias's traffic on the way to all of it, each watched for ``wait_s``
    seconds; ``promised_p95_ms`` is what the measurement expects."""

    shares: tuple[float, ...] = ()
    wait_s: float = 300.0
    promised_p95_ms: float | None = None


AT_ONCE = Steps()


@dataclass(frozen=True)
class Move:
    """One alias of an application that has published its version.

    ``note`` gets the RevisionId that the next move expects, before it is made.
    """

    control: ControlPlane
    function: str
    done: Applied
    note: Callable[[str | None], None]
    tell: Tell

    def __call__(self, steps: Steps) -> None:
        """Move it; raises :class:`TargetError` if the new version is worse, and
        :class:`ChangedUnderneath` where somebody else has moved the alias."""
        old, new = str(self.done.before_version), str(self.done.version)
        if old == new:
            self.tell(f"{self.done.alias} already points at version {new}")
            return
        was: Pointed = (old, {})
        for share in steps.shares:
            to = (old, {new: share})
            self._point(was, to)
            was = to
            self._watch(steps, share)
        self._point(was, (new, {}))

    def _point(self, was: Pointed, to: Pointed) -> None:
        """Point the alias at a version, with part of the traffic on another, if it is as it was."""
        now = self._as_it_was(was)
        self.note(now.get("RevisionId"))
        version, weights = to
        point(self.control, self.function, now, version, weights)
        parts = [f"{format_share(share)} on version {other}" for other, share in weights.items()]
        rest = "the rest on" if parts else "all on"
        self.tell(f"{self.done.alias}: {', '.join([*parts, f'{rest} version {version}'])}")

    def _as_it_was(self, was: Pointed) -> Mapping[str, Any]:
        """The alias, which nobody else has moved; read again, since reads may be old."""
        assert self.done.alias is not None
        for _ in self.control.tries():
            now = self.control.get_alias(self.function, self.done.alias)
            if (now["FunctionVersion"], weights_of(now)) == was:
                return now
        reason = f"somebody has pointed it at version {now['FunctionVersion']}"
        raise changed_meanwhile(f"{self.function}:{self.done.alias}", reason)

    def _watch(self, steps: Steps, share: float) -> None:
        done = self.done
        self.control.clock.sleep(steps.wait_s)
        versions = (str(done.before_version), str(done.version))
        assert done.alias is not None
        alias = SplitAlias(done.arn.rsplit(":", 1)[-1], done.alias, versions)
        found = read_health(cloudwatch(self.control), self.control.clock, alias, steps.wait_s)
        old, new = (found[version] for version in versions)
        worse = why_worse(old, new, steps.promised_p95_ms)
        if worse:
            raise TargetError(
                f"{self.function}:{done.alias}",
                f"rolled back: with {format_share(share)} on version {done.version}, {worse}",
                "Measure again with a payload like production's, or check the errors.",
            )
        calls = f"{new.invocations:.0f} invocations, {new.errors:.0f} errors"
        self.tell(f"  {calls}" + ("" if new.judgeable else "; too few to judge"))


def cloudwatch(control: ControlPlane) -> AwsService:
    """CloudWatch, which the steps are watched by."""
    return AwsService(control.session, "cloudwatch", control.clock)
