"""Functions that interrupted commands left changed, by journals of runs and records of ``apply``.

Looking whether there is anything costs no more than listing two directories.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.errors import TargetError, TunerError

if TYPE_CHECKING:
    from tuner.aws.applied import Applied
    from tuner.aws.control import ControlPlane
    from tuner.aws.journal import JournalEntry
    from tuner.aws.session import SessionOptions

Tell = Callable[[str], None]

#: Where runs journal what they change, and ``apply`` keeps what was there, in the working
#: directory.
JOURNAL = Path(".tuner/journal")
RECORDS = Path(".tuner/applied")


@dataclass(frozen=True)
class Elsewhere:
    """Place and credentials for restoring, in place of those of the interrupted command."""

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None

    def instead_of(self, options: "SessionOptions") -> "SessionOptions":
        """The options with what is given here."""
        return replace(options, **{k: v for k, v in vars(self).items() if v is not None})


@dataclass(frozen=True)
class Left:
    """One function that may have to be restored."""

    function: str
    arn: str
    before_mb: int
    running: str | None  # what is still being done to it, if the process that does it is alive
    path: Path
    options: "SessionOptions"
    back: "Callable[[ControlPlane, Tell], bool]"
    now_mb: int | None = None  # None: a temporary copy is left, not the function changed
    pid: int | None = None  # the process that changed it, where that is known

    def said(self) -> str:
        """Return the line that says what is left, for the end of a command."""
        from tuner.aws.restore import said_of_left

        if self.now_mb is None:
            return f"{self.function}: a temporary copy is left; run `tuner restore` to delete it"
        return said_of_left(self.function, self.now_mb, self.before_mb)

    def restore(self, tell: Tell, where: Elsewhere) -> bool:
        """Restore it; ``False`` if another process does or did that. Raises :class:`TunerError`."""
        from tuner.aws.control import ControlPlane
        from tuner.aws.session import is_loopback, open_session

        options = where.instead_of(self.options)
        try:
            return self.back(ControlPlane(open_session(options)), tell)
        except TargetError as error:
            if not is_loopback(str(options.endpoint_url)):
                raise
            # A local Lambda that is gone for good would otherwise be asked for ever.
            fix = f"Start the service again; or delete {self.path} if the function is gone."
            raise type(error)(error.thing, error.reason, fix) from error

    def line(self) -> str:
        """For a list."""
        return f"{self.arn}: {self.running or 'left changed'}; had {self.before_mb} MB"


def look(journal: Path = JOURNAL, records: Path = RECORDS) -> tuple[list[Left], list[TunerError]]:
    """Find what was left, living runs' included, and what cannot be read of it."""
    found: list[Left] = []
    problems: list[TunerError] = []
    for directory, files, read in (
        (journal, _journals, _of_run),
        (records, _records, _of_application),
    ):
        for path in files(directory) if directory.is_dir() else []:
            try:
                left = read(path)
            except TunerError as error:
                problems.append(error)
            else:
                found += [left] if left else []
    return found, problems


def _journals(directory: Path) -> list[Path]:
    from tuner.aws.journal import journal_files

    return journal_files(directory)


def _records(directory: Path) -> list[Path]:
    from tuner.aws.applied import unfinished

    return unfinished(directory)


def _of_run(path: Path) -> Left | None:
    from tuner.aws.journal import read_entry

    entry = read_entry(path)
    if entry is None:
        return None
    header = entry.header
    return Left(
        header.function,
        header.arn,
        header.before.memory_mb,
        f"being measured (process {header.pid})" if entry.running else None,
        path,
        _options(header.region, header.profile, header.endpoint_url, header.assume_role),
        lambda control, _tell: _entry_back(entry, control),
        None if header.clone else entry.size_mb(),
        header.pid,
    )


def _of_application(path: Path) -> Left:
    from tuner.aws.applied import held, read_record

    done: Applied = read_record(path)
    with held(path.parent, done.run) as ours:
        alive = not ours
    return Left(
        done.arn.rsplit(":", 1)[-1],
        done.arn,
        done.before_mb,
        f"being set to {done.memory_mb} MB by another process" if alive else None,
        path,
        _options(done.region, done.profile, done.endpoint_url, done.assume_role),
        lambda control, tell: _application_back(path, control, tell),
        done.memory_mb,
    )


def _entry_back(entry: "JournalEntry", control: "ControlPlane") -> bool:
    from tuner.aws.restore import restore_journal

    return restore_journal(entry, control)


def _application_back(path: Path, control: "ControlPlane", tell: Tell) -> bool:
    from tuner.aws.applied import restore_applied

    return restore_applied(path, control, tell)


def _options(region: str, profile: str | None, url: str, role: str | None) -> "SessionOptions":
    from tuner.aws.session import SessionOptions

    return SessionOptions(region, profile, url, assume_role=role)
