"""Setting the recommended memory on a function for good, and taking it back.

What was there is written to disk before each change, so that ``--undo`` works after any end.
Every change is guarded by RevisionId; what somebody else has set since is left alone. An alias
moves at once or in steps, and back by itself when the new version is worse (``canary.py``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tuner.aws.applied import Applied, read_record, record_path, write_record
from tuner.aws.canary import Watched, judged, read_health, verdict
from tuner.aws.control import Configuration, Control, revision_of, unqualified
from tuner.aws.journal import MARK
from tuner.aws.services import Service
from tuner.errors import ChangedUnderneath, TargetError

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Wish:
    """What to set. ``steps`` are the shares of an alias's traffic on the way to all of it, each
    watched for ``wait_s`` seconds; ``promised_p95_ms`` is what the measurement expects."""

    run: str
    memory_mb: int
    alias: str | None = None
    steps: tuple[float, ...] = ()
    wait_s: float = 300.0
    promised_p95_ms: float | None = None
    publish: bool = False


class Application:
    """One function being set to one size; ``tell`` hears what happens."""

    def __init__(self, control: Control, function: str, directory: Path, tell: Tell) -> None:
        self._control = control
        self._function = function
        self._directory = directory
        self._tell = tell

    def stack(self) -> str | None:
        """The CloudFormation stack that manages the function, by its tag."""
        tags = self._control.get(self._function).get("Tags") or {}
        return tags.get("aws:cloudformation:stack-name")

    def apply(self, wish: Wish) -> Applied | None:
        """Set memory, publish, move the alias; gives the record, ``None`` if nothing was to do.

        Raises :class:`TargetError` when the alias was moved back because the version was worse.
        """
        start = self._control.wait(self._function)
        self._refuse_marked(start)
        alias = self._alias(wish)
        if start["MemorySize"] == wish.memory_mb and alias is None:
            return None
        before_version = alias["FunctionVersion"] if alias else None
        done = self._since_first(self._record(start, wish, before_version))
        write_record(self._directory, done)
        latest = self._set(start, wish.memory_mb)
        if alias is None and not wish.publish:
            return done
        done = replace(done, version=self._publish(latest, wish))
        write_record(self._directory, done)
        if alias is not None:
            self._move(done, wish)
        return done

    def _record(self, start: Configuration, wish: Wish, before_version: str | None) -> Applied:
        session = self._control.session
        return Applied(
            wish.run,
            unqualified(start["FunctionArn"]),
            session.region,
            session.endpoint_url,
            session.profile,
            start["MemorySize"],
            wish.memory_mb,
            wish.alias,
            before_version,
        )

    def _since_first(self, done: Applied) -> Applied:
        """Applied once more, a run is still undone to what was there before the first time."""
        path = record_path(self._directory, done.run)
        if not path.exists():
            return done
        first = read_record(path)
        if first.arn != done.arn:
            return done
        if first.memory_mb == done.before_mb:
            done = replace(done, before_mb=first.before_mb)
        if first.alias == done.alias and first.version == done.before_version:
            done = replace(done, before_version=first.before_version)
        return done

    def undo(self, done: Applied) -> None:
        """Memory and alias as they were, where they are still as we set them."""
        if done.alias is not None:
            self._alias_back(done)
        latest = self._control.wait(done.arn)
        if latest["MemorySize"] == done.before_mb:
            self._tell(f"$LATEST has {done.before_mb} MB already")
        elif latest["MemorySize"] != done.memory_mb:
            raise ChangedUnderneath(
                self._function,
                f"it has {latest['MemorySize']} MB, not the {done.memory_mb} MB that were applied",
                "Somebody else changed it; set what you want by hand.",
            )
        else:
            self._set(latest, done.before_mb)
        record_path(self._directory, done.run).unlink(missing_ok=True)

    def _refuse_marked(self, start: Configuration) -> None:
        if MARK.match(start.get("Description", "")):
            raise TargetError(
                self._function,
                "a measurement is changing it, or was interrupted while it did",
                "Wait for it to end, or put the function back with `tuner restore`.",
            )

    def _alias(self, wish: Wish) -> Any:
        """The alias to move, after everything that speaks against moving it."""
        if wish.alias is None:
            return None
        if wish.steps and not self._cloudwatch().available:
            fix = "Leave --steps out, or set AWS_ENDPOINT_URL_CLOUDWATCH."
            raise TargetError("--steps", "there is no CloudWatch here to watch them with", fix)
        alias = self._control.get_alias(self._function, wish.alias)
        if (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights"):
            raise TargetError(
                f"{self._function}:{wish.alias}",
                "the alias splits its traffic between versions already",
                "Finish that deployment first.",
            )
        if alias["FunctionVersion"] == "$LATEST" and wish.steps:
            raise TargetError(
                f"{self._function}:{wish.alias}",
                "the alias points at $LATEST, which cannot share traffic with a version",
                "Leave --steps out, or point the alias at a version.",
            )
        return alias

    def _set(self, now: Configuration, memory_mb: int) -> Configuration:
        if now["MemorySize"] == memory_mb:
            return now
        said = now.get("Description", "")
        known = self._control.update(self._function, memory_mb, said, revision_of(now))
        latest = self._control.wait(self._function, known=known)
        if latest["MemorySize"] != memory_mb:
            raise ChangedUnderneath(
                self._function, "somebody else changed it meanwhile", "Look, then try again."
            )
        self._tell(f"$LATEST: {now['MemorySize']} MB -> {memory_mb} MB")
        return latest

    def _publish(self, latest: Configuration, wish: Wish) -> str:
        made = self._control.publish(
            self._function,
            f"{wish.memory_mb} MB, recommended by run {wish.run}",
            revision_of(latest),
            latest["CodeSha256"],
        )
        number = str(self._control.wait(self._function, made["Version"], made)["Version"])
        self._tell(f"published version {number}")
        return number

    def _move(self, done: Applied, wish: Wish) -> None:
        assert done.alias is not None
        assert done.before_version is not None
        if done.version == done.before_version:
            self._tell(f"{done.alias} points at version {done.version} already")
            return
        try:
            for share in wish.steps:
                self._point(done, {str(done.version): share})
                self._watch(done, wish, share)
        except BaseException:
            self._tell("going back")
            self.undo(done)
            raise
        self._point(replace(done, before_version=done.version), {})

    def _point(self, to: Applied, weights: dict[str, float]) -> None:
        """Point the alias at ``before_version``, with part of the traffic elsewhere."""
        assert to.alias is not None
        now = self._control.get_alias(self._function, to.alias)
        self._control.update_alias(
            self._function, to.alias, str(to.before_version), weights, now.get("RevisionId")
        )
        parts = [f"{share:.0%} on version {version}" for version, share in weights.items()]
        rest = "the rest on" if parts else "all on"
        self._tell(f"{to.alias}: {', '.join([*parts, f'{rest} version {to.before_version}'])}")

    def _watch(self, done: Applied, wish: Wish, share: float) -> None:
        self._control.clock.sleep(wish.wait_s)
        versions = (str(done.before_version), str(done.version))
        assert done.alias is not None
        watched = Watched(done.arn.rsplit(":", 1)[-1], done.alias, versions)
        found = read_health(self._cloudwatch(), self._control.clock, watched, wish.wait_s)
        old, new = (found[version] for version in versions)
        worse = verdict(old, new, wish.promised_p95_ms)
        if worse:
            raise TargetError(
                f"{self._function}:{done.alias}",
                f"went back, since with {share:.0%} on version {done.version} {worse}",
                "Measure again with a payload like production's, or look at the errors.",
            )
        calls = f"{new.invocations:.0f} invocations, {new.errors:.0f} errors"
        self._tell(f"  {calls}" + ("" if judged(new) else "; too few to judge"))

    def _cloudwatch(self) -> Service:
        return Service(self._control.session, "cloudwatch", self._control.clock)

    def _alias_back(self, done: Applied) -> None:
        assert done.alias is not None
        now = self._control.get_alias(self._function, done.alias)
        weights = (now.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        ours = now["FunctionVersion"] == done.version or set(weights) == {done.version}
        if ours:
            self._point(done, {})
        elif now["FunctionVersion"] != done.before_version:
            raise ChangedUnderneath(
                f"{self._function}:{done.alias}",
                f"it points at version {now['FunctionVersion']}, which was not applied from here",
                "Somebody else moved it; set what you want by hand.",
            )


def parse_steps(shares: Sequence[float]) -> tuple[float, ...]:
    """Shares in order, without the last 100 %."""
    return tuple(sorted({share for share in shares if 0.0 < share < 1.0}))
