"""Where results go, and how much is asked and shown on the way; a run keeps none of it."""

from tuner.options import kinds as k
from tuner.options.option import Options, option

PANEL = "Output"


class Stored(Options):
    """Which store."""

    store: k.Text = option(
        k.TEXT,
        "SQLAlchemy URL of the store (default: .tuner/runs.db).",
        panel=PANEL,
        metavar="URL",
        envvar="TUNER_STORE",
        kept=False,
    )


class Reported(Options):
    """Where reports go."""

    output: k.MaybeFile = option(
        k.MAYBE_FILE, "Folder for reports.", "reports", panel=PANEL, metavar="DIR", kept=False
    )


class ReportedToo(Options):
    """Where a report goes, if one is wanted."""

    output: k.MaybeFile = option(
        k.MAYBE_FILE,
        "Write a report into this folder, too.",
        panel=PANEL,
        metavar="DIR",
        kept=False,
    )


class Json(Options):
    """Where the document goes."""

    json_to: k.Text = option(
        k.TEXT,
        "Write the result as JSON; - is stdout.",
        panel=PANEL,
        flag="--json",
        metavar="FILE",
        kept=False,
    )


class Yes(Options):
    """Whether to ask."""

    yes: k.Flag = option(
        k.FLAG, "Do not ask.", panel=PANEL, letter="-y", each_time=True, kept=False
    )


class Quiet(Options):
    """How much is printed."""

    quiet: k.Flag = option(k.FLAG, "Print only the result.", panel=PANEL, letter="-q", kept=False)


class Shown(Quiet, Json):
    """How a result is shown."""

    @property
    def silent(self) -> bool:
        """Whether stdout is not for people."""
        return self.quiet or self.json_to == "-"


class Live(Options):
    """Whether progress is shown while a run works."""

    no_progress: k.Flag = option(k.FLAG, "No live display.", panel=PANEL, kept=False)


class Running(Live, Shown, Yes):
    """What the commands that measure ask and show."""
