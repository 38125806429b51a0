"""What a user asks of a sweep, as it was written, and as a run keeps it.

The fields bear the names of the command line's options, so that the CLI, the Python API and a
stored run share one form.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from tuner.errors import UsageError


@dataclass(frozen=True)
class SweepOptions:
    """The options of a sweep as written; the defaults are the command line's."""

    target: str
    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    handler: str | None = None
    runtime: str | None = None
    env: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    cpu: str = "auto"
    isolation: str = "versions"
    architectures: str | None = None
    assume_role: str | None = None
    memory: str = "128:1536"
    method: str = "adaptive"
    samples: int = 10
    payload: str = "{}"
    payloads: str | None = None
    event: str | None = None
    pre: str | None = None
    post: str | None = None
    cold: int | None = None
    seed: int = 0
    strategy: str = "cost"
    balance: float = 0.5
    slo: tuple[str, ...] = ()
    cold_share: str | float | None = None
    traffic: str | float | None = None
    invocations: int | None = None
    max_cost: str | float | None = None
    max_time: str | float | None = None
    profile_load: str | None = None  # from here: the load that each size is put under
    rate: str | None = None
    duration: str | None = None
    retry: str | None = None
    max_concurrency: int | None = None
    cross_check: bool | None = None  # None: compare with what CloudWatch has at once
    variants: str | None = None  # of `tuner cold`: ways to start that are compared
    left_out: tuple[str, ...] = ()  # what a power-tuning input asks for that has no counterpart

    def stored(self) -> dict[str, Any]:
        """The options as a run keeps them: names of variables only, and payloads by hash."""
        kept = asdict(self)
        kept["env"] = [item.partition("=")[0] for item in self.env]
        if not self.payload.startswith(("@", "s3://")):
            kept["payload"] = _hashed(self.payload)
        if self.payloads and inline(self.payloads):
            kept["payloads"] = _hashed(self.payloads)
        return {name: value for name, value in kept.items() if value not in (None, (), [])}


def _hashed(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def inline(payloads: str) -> bool:
    """Whether these are the payloads themselves, rather than the name of their file."""
    return payloads.lstrip().startswith("[")


def stored_options(kept: Mapping[str, Any]) -> SweepOptions:
    """The options of a stored run: enough to answer from it again, not to invoke."""
    known = {field.name for field in fields(SweepOptions)}
    values: dict[str, Any] = {}
    for name, value in kept.items():
        if name in known:
            values[name] = tuple(value) if isinstance(value, list) else value
    return SweepOptions(**values)


def with_secrets(options: SweepOptions, given: SweepOptions) -> SweepOptions:
    """Options of a stored run, with what it does not keep taken from ``given``.

    Raises UsageError when the variables or the payload were not given again as they were.
    """
    again = given.stored()
    for name in ("payload", "payloads"):
        if not str(getattr(options, name)).startswith("sha256:"):
            continue
        if again.get(name) != getattr(options, name):
            fix = f"Give the same --{name} again; a run keeps only its hash."
            raise UsageError(f"--{name}", "is not the one that the run began with", fix)
        options = replace(options, **{name: getattr(given, name)})
    if options.env:
        if tuple(again.get("env", ())) != options.env:
            fix = f"Give --env again for: {', '.join(options.env)}; a run keeps only the names."
            raise UsageError("--env", "is not as the run began", fix)
        options = replace(options, env=given.env)
    return options


def as_written(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options by name with lists as tuples; raises UsageError for a name that there is not."""
    known = {field.name for field in fields(SweepOptions)} - {"target", "left_out"}
    for name in options:
        if name not in known:
            raise UsageError(name, "is not an option of a sweep", f"There are: {', '.join(known)}.")
    written = {}
    for name, value in options.items():
        listed = isinstance(value, Sequence) and not isinstance(value, str)
        written[name] = tuple(value) if listed else value
    return written
