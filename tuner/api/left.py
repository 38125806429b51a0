"""Functions that interrupted commands left changed: by journals of runs and records of ``apply``,
or by what one function says of itself.

Looking whether there is any file costs no more than listing two directories.
"""

import re
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.errors import TargetError, TunerError, UsageError
from tuner.options.function import Account, Role
from tuner.targets.names import Kind, parse_target

if TYPE_CHECKING:
    from tuner.aws.control import ControlPlane
    from tuner.aws.lost import Lost
    from tuner.aws.session import SessionOptions

Tell = Callable[[str], None]

#: Where runs journal what they change, and ``apply`` keeps what was there, in the working
#: directory.
JOURNAL = Path(".tuner/journal")
RECORDS = Path(".tuner/applied")
#: Lambda's own endpoints: other names below these are anybody's.
_LAMBDA = re.compile(
    r"https://lambda(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|api\.(aws|amazonwebservices\.com\.cn))/?"
)


@dataclass(frozen=True)
class Left:
    """One function that may have to be restored."""

    function: str
    arn: str
    before_mb: int | None  # None: nothing says it
    running: str | None  # what is still being done to it, if the process that does it is alive
    path: Path | None  # None: known by the function alone
    options: "SessionOptions"
    back: "Callable[[ControlPlane, Tell], bool]"
    now_mb: int | None = None  # None: a temporary copy is left, not the function changed
    pid: int | None = None  # the process that changed it, where that is known
    run: str = ""
    trusted: bool = True  # this user wrote the file on this machine
    only_tags: bool = False  # an application is complete, and stays

    def said(self) -> str:
        """Return the line that says what is left, for the end of a command."""
        from tuner.aws.restore import said_of_left

        if not self.trusted:
            return f"{self.path} says what nothing on {self.function} has shown"
        if self.only_tags:
            return f"{self.function}: tags of an application are left; `tuner restore` removes them"
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
        self._refuse_elsewhere(where)
        try:
            control = ControlPlane(open_session(options))
            control.tell = tell
            return self.back(control, tell)
        except TargetError as error:
            if self.path is None or not is_loopback(str(options.endpoint_url)):
                raise
            # A local Lambda that is gone for good would otherwise be asked for ever.
            fix = f"Start the service again; or delete {self.path} if the function is gone."
            raise type(error)(error.thing, error.reason, fix) from error

    def as_it_is(self, where: Account, within_s: float = 5.0) -> "Left":
        """What is left now, if that can be asked in one attempt of so many seconds; nobody is asked
        where only a file of another hand says whom, and with which credentials."""
        if not self.trusted:
            return self
        from tuner.aws.calls import Patience
        from tuner.aws.control import ControlPlane
        from tuner.aws.session import open_session

        once = Patience(attempts=1, unreachable_attempts=1, answer_s=within_s)
        with suppress(TunerError):
            if self.now_mb is not None:
                control = ControlPlane(open_session(placed(self.options, where)), patience=once)
                now_mb = int(control.get(self.function)["Configuration"]["MemorySize"])
                return replace(self, now_mb=now_mb)
        return self

    def _refuse_elsewhere(self, where: Account) -> None:
        """Refuse to send signed requests where only a file says so that came with others' files."""
        from tuner.aws.session import is_loopback

        if self.trusted:
            return
        url = str(self.options.endpoint_url)
        own = _LAMBDA.fullmatch(url) or is_loopback(url)
        named = {
            "endpoint_url": None if own else url,
            "profile": self.options.profile,
            "assume_role": self.options.assume_role,
        }
        for name, value in named.items():
            if value and not getattr(where, name, None):
                word = name.replace("_", "-")
                reason = f"names the {word} {value}, and you did not write it on this machine"
                fix = f"If that is right, add --{word} {value}; otherwise delete the file."
                raise TargetError(str(self.path), reason, fix)

    def line(self) -> str:
        """For a list."""
        if self.only_tags and not self.running:
            return f"{self.arn}: was set to {self.now_mb} MB; tags of that are left"
        of = f" (run {self.run})" if self.run else ""
        had = "what it had is not known" if self.before_mb is None else f"had {self.before_mb} MB"
        return f"{self.arn}: {self.running or 'left changed'}; {had}{of}"


def placed(began: "SessionOptions", where: Account) -> "SessionOptions":
    """Options of an interrupted command, with what is given in place of its own."""
    given = {name: getattr(where, name, None) for name in (*Account.names(), *Role.names())}
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
    from tuner.aws.lost import restore_journal
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
        lambda control, tell: restore_journal(entry, control, tell),
        None if header.clone else entry.size_mb(),
        header.pid,
        header.id,
        entry.trusted,
    )


def _of_application(path: Path) -> Left:
    from tuner.aws.applied import held, read_sealed
    from tuner.aws.session import SessionOptions
    from tuner.aws.undo import restore_applied

    done, trusted = read_sealed(path)
    with held(path.parent, path.stem) as ours:
        alive = not ours
    return Left(
        done.arn.rsplit(":", 1)[-1],
        done.arn,
        done.before_mb,
        f"being set to {done.memory_mb} MB by another process" if alive else None,
        path,
        SessionOptions(done.region, done.profile, done.endpoint_url, assume_role=done.assume_role),
        lambda control, tell: restore_applied(path, control, tell),
        done.memory_mb if done.at_mb is None else done.at_mb,
        done.pid,
        run=done.run,
        trusted=trusted,
        only_tags=done.complete,
    )


def look_at(target: str, where: Account, but: Collection[str]) -> list[Left]:
    """Find what runs have left on a function, by the function alone; those in ``but`` are known
    already. Raises :class:`TunerError`."""
    from tuner.aws.control import ControlPlane
    from tuner.aws.lost import lost_on
    from tuner.aws.session import SessionOptions, open_session

    name = parse_target(target)
    if name.kind is not Kind.AWS:
        raise UsageError(target, "is not a function on AWS", "Nothing else is ever changed.")
    options = placed(SessionOptions(region=name.region), where)
    control = ControlPlane(open_session(options))
    return [
        _of_lost(one, name.function, options)
        for one in lost_on(control, name.function)
        if one.mark.run not in but
    ]


def _of_lost(one: "Lost", function: str, options: "SessionOptions") -> Left:
    def back(_control: "ControlPlane", tell: Tell) -> bool:
        one.back(tell)
        return True

    now_mb = None if one.copy is not None else one.now["MemorySize"]
    return Left(
        function, one.arn, one.before_mb, None, None, options, back, now_mb, run=one.mark.run
    )
