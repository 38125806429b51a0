"""The errors that a user can meet, and the exit code that each becomes.

::

    TunerError                 1   failed
    |-- UsageError             2   bad usage or configuration: an option, a range, no such file
    |-- TargetError            1   the function cannot be reached, read or changed
    |   |-- NotFound           1   function, version, alias or handler does not exist
    |   |-- NotServed          1   the endpoint does not know the operation
    |   |-- AccessDenied       1   credentials are missing, expired or not allowed
    |   `-- ChangedUnderneath  1   somebody else deployed during the run (RevisionId)
    |-- StoreError             1   runs cannot be read or written
    |   `-- StoreAway          1   not now: the server is gone, the file is locked, the disk full
    |-- Partial                3   done, but with partial data (a size failed, a budget ran out)
    |-- GateFailed            99   a threshold or a regression gate failed
    `-- Interrupted          130   stopped by the user, after the function was put back

A throttle, a timeout or an out-of-memory kill of an invocation is data and never raised.
Foreign errors (botocore, SQLAlchemy, OSError) are translated in the room that meets them.
"""

import errno


class TunerError(Exception):
    """What went wrong, why, and what to do next: at most two lines when printed.

    ``thing`` names what it is about, ``reason`` says why it failed, ``fix`` is the next step.
    ``refused`` is the operation of AWS that was refused each time it was sent, so that nothing of
    it is done; empty otherwise.
    """

    exit_code = 1
    refused = ""

    def __init__(self, thing: str, reason: str, fix: str = "") -> None:
        super().__init__(thing, reason, fix)
        self.thing = thing
        self.reason = reason
        self.fix = fix

    def __str__(self) -> str:
        head = f"{self.thing}: {self.reason}" if self.thing else self.reason
        return f"{head}\n{self.fix}" if self.fix else head


class UsageError(TunerError):
    """An option, a file or a configuration that cannot be used as it is."""

    exit_code = 2


#: What a disk answers that is full or fails, whatever the file's name.
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def unwritable(thing: str, error: OSError, fix: str = "Choose another file.") -> TunerError:
    """The error for a file that the user has named: where it cannot be is bad usage, a full disk is
    not."""
    kind = TunerError if error.errno in _OF_THE_DISK else UsageError
    return kind(thing, f"cannot be written: {error.strerror or error}", fix)


def unreadable(thing: str, error: Exception, fix: str = "Check the path.") -> UsageError:
    """The error for a file that the user has named and that cannot be read; an error that knows a
    better next step has it as its ``fix``."""
    why = getattr(error, "strerror", None) or str(error)
    return UsageError(thing, f"cannot be read: {why}", getattr(error, "fix", fix))


class TargetError(TunerError):
    """The function under test cannot be reached, read or changed."""


class NotFound(TargetError):  # noqa: N818 - reads as what happened, like FileNotFound
    """A function, version, alias or handler that does not exist."""


class NotServed(TargetError):  # noqa: N818
    """An endpoint that does not know an operation of Lambda's API."""


class AccessDenied(TargetError):  # noqa: N818
    """Credentials are missing, expired or do not allow the call."""


class ChangedUnderneath(TargetError):  # noqa: N818
    """Somebody else changed the function while it was being measured."""


class StoreError(TunerError):
    """Stored runs cannot be read or written."""


class StoreAway(StoreError):  # noqa: N818 - reads as what happened
    """A store that cannot be used now, though it may be later: what is measured can wait."""


class Partial(TunerError):  # noqa: N818
    """The run ended with partial data; what was measured is kept and reported."""

    exit_code = 3


class GateFailed(TunerError):  # noqa: N818
    """A threshold or a regression gate failed."""

    exit_code = 99


class Interrupted(TunerError):  # noqa: N818
    """The user stopped the run; the function was put back first."""

    exit_code = 130
