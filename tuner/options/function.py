"""The function: which one, where and as whom, and how its sizes are made."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tuner.errors import UsageError
from tuner.options import kinds as k
from tuner.options.option import Argument, Options, option, options_of, positional
from tuner.options.risk import always, saying

if TYPE_CHECKING:
    from tuner.targets.names import TargetName

PANEL = "The function"
TARGET = Argument(
    "myfunc, myfunc:alias, an ARN, local:PATH, demo:NAME or replay:FILE.",
    "TARGET",
    "demos",
)
#: The kinds of targets that an option may be for (tuner.targets.names).
AWS, HERE, REPLAY = ("aws",), ("local", "demo"), ("replay",)
#: What else may need a region and credentials: payloads in S3, functions as processors.
_ASKS_AWS = ("payload", "payloads", "pre", "post", "power_tuning_input")
#: How the kinds are called in a complaint.
_ONLY = {AWS: "functions on AWS", HERE: "code on this machine", REPLAY: "replay:FILE"}
CPU = ("auto", "cgroup-v1", "cgroup-v2", "duty-cycle")


def _names(pairs: tuple[tuple[str, str], ...]) -> list[str]:
    return [name for name, _ in pairs]


class Region(Options, panel=PANEL):
    """A region of AWS."""

    region: k.Text = option(k.TEXT, "AWS region.", targets=AWS)


class Profile(Options, panel=PANEL):
    """Credentials."""

    profile: k.Text = option(
        k.TEXT,
        "Profile of the AWS configuration whose credentials are used.",
        values="AWS profiles",
        risk=always("says whose credentials are used"),
        targets=AWS,
    )


class Endpoint(Options, panel=PANEL):
    """Endpoint of Lambda."""

    endpoint_url: k.Text = option(
        k.TEXT,
        "Another Lambda endpoint: `tuner local`, or one that knows Invoke only (`sam local`).",
        risk=always("is sent the calls and your session token"),
        targets=AWS,
    )


class Account(Endpoint, Profile, Region):
    """Region, credentials and endpoint."""


class Role(Options, panel=PANEL):
    """A role, such as one of another account."""

    assume_role: k.Text = option(
        k.TEXT,
        "Role to assume, such as one of another account.",
        metavar="ARN",
        risk=always("is what your credentials are used for"),
        targets=AWS,
    )


class Isolated(Options, panel=PANEL):
    """How sizes are made on AWS."""

    isolation: k.Isolations = option(
        k.ISOLATION,
        "How sizes are made on AWS: versions, clone or in-place.",
        risk=saying("in-place", "changes the function that callers use"),
    )


class Package(Options, panel=PANEL):
    """How code on this machine runs."""

    handler: k.Text = option(
        k.TEXT, "local: module.function (default: one with a usual name, such as app.handler)."
    )
    runtime: k.Text = option(
        k.TEXT, "local: Lambda runtime, such as python3.13, nodejs22.x or provided.al2023."
    )
    env: k.Pairs = option(
        k.PAIRS,
        "local: environment variable; repeatable.",
        metavar="K=V",
        secret=True,
        store=_names,
        targets=HERE,
    )
    parameter: k.Pairs = option(
        k.PAIRS,
        "local: parameter of a template; repeatable.",
        metavar="K=V",
        secret=True,
        store=_names,
    )


class Machine(Options, panel=PANEL):
    """What of this machine runs functions, and how their CPU is limited."""

    node: k.Text = option(
        k.TEXT,
        "local: the Node.js that runs nodejs functions, or the folder with bin/node "
        "(default: TUNER_NODE, PATH, nvm, volta and others).",
        metavar="PATH",
        risk=always("is run as a program"),
        targets=HERE,
    )

    cpu: k.Word = option(
        k.one_of(*CPU),
        "local: how CPU is limited: auto, cgroup-v1, cgroup-v2 or duty-cycle.",
        targets=HERE,
    )


class Recorded(Options, panel=PANEL):
    """Rows of a recording."""

    where: k.Pairs = option(
        k.PAIRS,
        "replay: use only these rows; repeatable.",
        metavar="COLUMN=VALUE",
        targets=REPLAY,
    )


class Architectures(Options, panel=PANEL):
    """Architectures."""

    architectures: k.Arches = option(
        k.ARCHES,
        "Compare on temporary copies: both, x86_64, arm64 or a list. Default: the function's own.",
        metavar="ARCH",
    )


class Target(Options):
    """The function."""

    target: str = positional(TARGET, kw_only=False)

    @property
    def name(self) -> "TargetName":
        """The target's name, taken apart; raises UsageError."""
        from tuner.targets.names import parse_target

        return parse_target(self.target)

    @classmethod
    def check_written(cls, written: Mapping[str, Any]) -> None:
        """Refuse options of another kind of target; raises UsageError."""
        from tuner.targets.names import parse_target

        if not written.get("target") or any(written.get(name) for name in _ASKS_AWS):
            return
        kind = parse_target(str(written["target"])).kind
        for name, each in options_of(cls).items():
            fits = each.about.targets
            said = written.get(name) not in (None, False, each.default)
            if said and fits and kind not in fits:
                flag = each.flag.partition("/")[0]
                raise UsageError(flag, f"is only for {_ONLY[fits]}", "Leave it out.")


class FunctionOptions(Isolated, Role, Recorded, Machine, Package, Account, Target):
    """All options of a function, and of how it is reached."""


def architectures_of(options: FunctionOptions) -> tuple[str, ...]:
    """The architectures to compare; none where the command takes no such option."""
    return options.architectures if isinstance(options, Architectures) else ()
