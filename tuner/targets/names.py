"""Names of targets as users write them: a name, an ARN, ``local:``, ``demo:``, ``replay:``.

Text in, a frozen :class:`TargetName` out; nothing is opened or asked, so a name that parses may
still not exist. Names and ARNs follow the patterns of Lambda's service model.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from tuner.errors import UsageError


class Kind(StrEnum):
    """Kinds of targets."""

    AWS = "aws"
    LOCAL = "local"
    DEMO = "demo"
    REPLAY = "replay"


#: The bundled examples, and the folder in ``demos/`` of each.
DEMOS = {
    name: name.replace("-", "_")
    for name in ("cpu", "io", "mixed", "memory", "slow-init", "flaky", "node")
}

#: What the names of SAM and CloudFormation templates end with; CDK writes ``.template.json``.
TEMPLATES = (".yaml", ".yml", ".json", ".template")

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-zA-Z-]*):lambda:(?P<region>[a-z]{2,5}(?:-[a-z]+)+-\d{1,2}):"
    r"(?P<account>\d{12}):function:(?P<rest>.+)",
    re.ASCII,
)
_PARTIAL_ARN = re.compile(r"(?P<account>\d{12}):function:(?P<rest>.+)", re.ASCII)
_NAME = re.compile(r"(?P<name>[a-zA-Z0-9_-]{1,64})(?::(?P<qualifier>.+))?", re.ASCII)
_QUALIFIER = re.compile(r"\$LATEST|[a-zA-Z0-9_-]{1,128}", re.ASCII)

_FIX = "Write a function name, name:alias, an ARN, local:PATH, demo:NAME or replay:FILE."


@dataclass(frozen=True)
class TargetName:
    """A target's name, taken apart. ``text`` is what the user wrote."""

    text: str
    kind: Kind
    function: str = ""  # aws: name, partial or full ARN without the qualifier
    qualifier: str | None = None  # aws: alias or version; None is $LATEST
    region: str | None = None  # aws: from a full ARN
    path: str = ""  # local, replay
    logical_id: str | None = None  # local: resource in a SAM template
    demo: str = ""  # demo: one of DEMOS


def parse_target(text: str) -> TargetName:
    """Take a target's text apart; raises :class:`UsageError` that says what is wrong with it."""
    text = text.strip()
    kind, separator, rest = text.partition(":")
    if not text:
        raise UsageError("TARGET", "is empty", _FIX)
    if not separator or kind not in Kind.__members__.values():
        return _aws(text, text)
    match Kind(kind):
        case Kind.AWS:
            return _aws(text, rest)
        case Kind.LOCAL:
            path, _, logical_id = rest.partition("#")
            if not path:
                fix = "Write it like local:path/to/function."
                raise UsageError(_short(text), "has no path", fix)
            return TargetName(text, Kind.LOCAL, path=path, logical_id=logical_id or None)
        case Kind.DEMO:
            if rest not in DEMOS:
                fix = f"There are: {', '.join(DEMOS)}."
                raise UsageError(_short(text), "there is no such demo", fix)
            return TargetName(text, Kind.DEMO, demo=rest)
        case Kind.REPLAY:
            if not rest:
                fix = "Write it like replay:recorded.csv."
                raise UsageError(_short(text), "has no file", fix)
            return TargetName(text, Kind.REPLAY, path=rest)


def _aws(text: str, rest: str) -> TargetName:
    _hint_at_path(text, rest)
    arn = _ARN.fullmatch(rest) or _PARTIAL_ARN.fullmatch(rest)
    if rest.startswith("arn:") and not arn:
        raise UsageError(_short(text), "is not the ARN of a Lambda function", _FIX)
    named = _NAME.fullmatch(arn["rest"] if arn else rest)
    if not named:
        raise UsageError(_short(text), "is not a function name", _FIX)
    qualifier = named["qualifier"]
    if qualifier is not None and not _QUALIFIER.fullmatch(qualifier):
        raise UsageError(_short(text), "has no valid alias or version after the name", _FIX)
    return TargetName(
        text=text,
        kind=Kind.AWS,
        function=f"{rest[: arn.start('rest')] if arn else ''}{named['name']}",
        qualifier=None if qualifier == "$LATEST" else qualifier,
        region=arn["region"] if arn and arn.re is _ARN else None,
    )


def _hint_at_path(text: str, rest: str) -> None:
    looks_like_path = "/" in rest or rest.startswith(".") or rest.endswith((".py", ".zip", ".yaml"))
    looks_recorded = rest.endswith((".csv", ".jsonl", ".json", ".gz"))
    if looks_like_path or looks_recorded:
        kind = "replay" if looks_recorded else "local"
        raise UsageError(_short(text), "looks like a file", f"Did you mean {kind}:{_short(rest)} ?")


def _short(text: str) -> str:
    """For an error message: on one line, and not too long."""
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= 80 else f"{text[:77]}..."
