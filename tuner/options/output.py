"""Where results go, and how much is asked and shown on the way; a run keeps none of it."""

from pathlib import Path

from tuner.errors import UsageError
from tuner.options import kinds as k
from tuner.options.option import Options, option
from tuner.options.risk import elsewhere, outside

PANEL = "Output"
#: How the files end that a report may be.
FILES = (".html", ".md")
#: The risk of a file of another place.
WRITTEN = "is written, and is not in this folder"


class Stored(Options, panel=PANEL, kept=False):
    """The store."""

    store: k.Text = option(
        k.TEXT,
        "SQLAlchemy URL of the store (default: .tuner/runs.db).",
        metavar="URL",
        envvar="TUNER_STORE",
        risk=elsewhere("is where runs are kept"),
    )


#: Where reports go unless the user says where: a folder that may have come with somebody's files.
REPORTS = Path("reports")


class Reported(Options, panel=PANEL, kept=False):
    """Folder for reports."""

    output: k.MaybeFile = option(
        k.MAYBE_FILE,
        "Folder for reports, or a file: .html for a page, .md for Markdown.",
        str(REPORTS),
        metavar="DIR|FILE",
        risk=outside(WRITTEN),
    )


def folder(output: Path | None) -> Path:
    """The folder of several pages. Raises UsageError for the name of one file."""
    where = output or REPORTS
    if where.suffix in FILES and not where.is_dir():
        raise UsageError(f"--output {where}", "is a file, and there are several", "Name a folder.")
    return where


class ReportedToo(Options, panel=PANEL, kept=False):
    """Folder for a report, if one is wanted."""

    output: k.MaybeFile = option(
        k.MAYBE_FILE,
        "Write a report into this folder, too, or to a file: .html for a page, .md for Markdown.",
        metavar="DIR|FILE",
        risk=outside(WRITTEN),
    )


class Json(Options, panel=PANEL, kept=False):
    """File for the document."""

    json_to: k.Text = option(
        k.TEXT,
        "Write the result as JSON; - is stdout.",
        flag="--json",
        metavar="FILE",
        risk=outside(WRITTEN),
    )


class Yes(Options, panel=PANEL, kept=False):
    """Confirmation in advance."""

    yes: k.Flag = option(k.FLAG, "Do not ask.", letter="-y", each_time=True)


class Quiet(Options, panel=PANEL, kept=False):
    """Amount of printing."""

    quiet: k.Flag = option(k.FLAG, "Print only the result.", letter="-q")


class Shown(Quiet, Json):
    """Ways of showing a result."""

    @property
    def silent(self) -> bool:
        """True if stdout is not for people."""
        return self.quiet or self.json_to == "-"


class Live(Options, panel=PANEL, kept=False):
    """Progress while a run works."""

    no_progress: k.Flag = option(k.FLAG, "No live display.")


class Running(Live, Shown, Yes):
    """Questions and output of commands that measure."""
