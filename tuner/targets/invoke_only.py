"""A function behind an endpoint that knows Invoke only, at the one size that it has there.

``sam local start-lambda``, the Runtime Interface Emulator in a container and serverless-offline
are such. Facts come from the options; whatever needs Lambda's control plane is refused with the
reason. Answers have no REPORT, so there are client times only, and no prices.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tuner.aws.session import AwsSession
from tuner.clock import never
from tuner.errors import TargetError
from tuner.records import Advice, Backend, FunctionFacts, Setting
from tuner.targets.aws import endpoint_of
from tuner.targets.names import TargetName
from tuner.targets.observers import EventTrail
from tuner.targets.seam import Endpoint, Finding, Level, Prepared, Target, Variant

#: What a function has unless somebody says more, and what sizes are called by where nobody knows.
_DEFAULT_MB = 128


@dataclass(frozen=True)
class Known:
    """What options say of a function; ``memory_mb`` is ``None`` where no size is named."""

    memory_mb: int | None = None
    runtime: str | None = None
    handler: str | None = None


class InvokeOnly(Target):
    """One function, called as it is; nothing is made, changed or restored."""

    def __init__(self, session: AwsSession, name: TargetName, known: Known) -> None:
        self._session, self._name, self._known = session, name, known
        at = f"{known.memory_mb or _DEFAULT_MB} MB"
        said = "as --memory says" if known.memory_mb else "unless --memory says another size"
        self.notes = (
            Advice(
                "invoke-only",
                f"{session.endpoint_url} knows Invoke only: times are this client's own, durations "
                f"and prices are not known, and calls count as made at {at}, {said}. Measure on "
                "AWS or with local:PATH for a recommendation.",
            ),
        )

    def describe(self) -> FunctionFacts:
        """Return what the options say."""
        known, name = self._known, self._name
        return FunctionFacts(
            name=name.function,
            arn=name.function,
            backend=Backend.LOCAL,
            region=self._session.region,
            arch="x86_64",
            runtime=known.runtime,
            memory_mb=known.memory_mb or _DEFAULT_MB,
            timeout_s=None,
            version=name.qualifier or "$LATEST",
            handler=known.handler,
            platform={"invoke_only": True, "memory_default": known.memory_mb is None},
        )

    def check_up(self) -> Iterator[Finding]:
        """Say what can be done here."""
        text = "the endpoint knows Invoke only: loads and one size can be measured, without prices"
        yield Finding("Lambda's API", Level.WARNING, text, "Name AWS or `tuner local` for more.")

    def check(self, settings: Iterable[Setting]) -> None:
        """Refuse every way to start."""
        raise self._refused("--variants", "ways to start cannot be made", "Leave it out.")

    def prepare(
        self, settings: Iterable[Setting], *, fresh: bool = False, stop: Callable[[], bool] = never
    ) -> Prepared:
        """Hand out the one size there is. Raises TargetError for cold starts."""
        if fresh:
            raise self._refused("cold starts", "they cannot be forced", "Leave --cold out.")
        here = self.describe().memory_mb
        why = self._refused(self._name.text, f"only {here} MB can be called", "Name one size.")
        return {
            each: Variant(each, self._name.qualifier) if each.memory_mb == here else why
            for each in settings
        }

    def endpoint(self) -> Endpoint:
        """The Invoke API."""
        return endpoint_of(self._session, self._name.function)

    def events(self, variant: Variant) -> EventTrail:
        """Refuse: there is no log to follow them in."""
        fix = "Leave --mode async out."
        raise self._refused("--mode async", "events cannot be followed", fix)

    def published(self, qualifier: str) -> Variant:
        """A version or alias, if the endpoint knows it."""
        return Variant(Setting(self.describe().memory_mb or _DEFAULT_MB), qualifier)

    def restore(self) -> None:
        """Nothing was changed."""

    def close(self) -> None:
        """Let go of connections."""
        self._session.client.close()

    def _refused(self, thing: str, reason: str, fix: str) -> TargetError:
        return TargetError(thing, f"{reason}: {self._session.endpoint_url} knows Invoke only", fix)
