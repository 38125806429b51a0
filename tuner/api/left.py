"""Functions that interrupted commands left changed, by journals of runs and records of ``apply``.

Looking whether there is anything costs no more than listing two directories.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.errors import TargetError, TunerError
from tuner.options.function import Account

if TYPE_CHECKING:
    from tuner.aws.control import ControlPlane
    from tuner.aws.session import SessionOptions

Tell = Callable[[str], None]

#: Where runs journal what they change, and ``apply`` keeps what was there, in the working
#: directory.
JOURNAL = Path(".tuner/journal")
RECORDS = Path(".tuner/applied")


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

    def restore(self, tell: Tell, where: Account) -> bool:
        """Restore it, by the place and credentials of the interrupted command unless others are
        given; ``False`` if another process does or did that. Raises :class:`TunerError`.
        """
        from tuner.aws.control import ControlPlane
        from tuner.aws.session import is_loopback, open_session

        options = placed(self.options, where)
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


def placed(began: "SessionOptions", where: Account) -> "SessionOptions":
    """Options of an interrupted command, with what is given in place of its own."""
    given = {name: getattr(where, name) for name in Account.names()}
    return replace(began, **{name: v for name, v in given.items() if v is not None})


def look(journal: Path = JOURNAL, records: Path = RECORDS) -> tuple[list[Left], list[TunerError]]:
    """Find what was left, living runs' included, and what cannot be read of it."""
    found: list[Left] = []
    problems: list[TunerError] = []
    paths: list[tuple[Path, Callable[[Path], Left | None]]] = []
    if journal.is_dir():
        from tuner.aws.journal import journal_files

        paths += [(path, _of_run) for path in journal_files(journal)]
    if records.is_dir():
        from tuner.aws.applied import unfinished

        paths += [(path, _of_application) for path in unfinished(records)]
    for path, read in paths:
        try:
            if left := read(path):
                found.append(left)
        except TunerError as error:
            problems.append(error)
    return found, problems


def _of_run(path: Path) -> Left | None:
    from tuner.aws.journal import read_entry
    from tuner.aws.restore import restore_journal
    from tuner.aws.session import SessionOptions

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
        SessionOptions(
            header.region, header.profile, header.endpoint_url, assume_role=header.assume_role
        ),
        lambda control, _tell: restore_journal(entry, control),
        None if header.clone else entry.size_mb(),
        header.pid,
    )


def _of_application(path: Path) -> Left:
    from tuner.aws.applied import held, read_record, restore_applied
    from tuner.aws.session import SessionOptions

    done = read_record(path)
    with held(path.parent, done.run) as ours:
        alive = not ours
    return Left(
        done.arn.rsplit(":", 1)[-1],
        done.arn,
        done.before_mb,
        f"being set to {done.memory_mb} MB by another process" if alive else None,
        path,
        SessionOptions(done.region, done.profile, done.endpoint_url, assume_role=done.assume_role),
        lambda control, tell: restore_applied(path, control, tell),
        done.memory_mb,
    )
