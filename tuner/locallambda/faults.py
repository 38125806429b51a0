"""How an invocation fails without the handler saying so, in Lambda's words.

Each fault knows the payload that the caller gets; texts are those recorded on AWS, and those
of Go's ``os.ProcessState``, in which Lambda's supervisor describes the end of a process.
"""

import json
from dataclasses import dataclass

from tuner.locallambda.runtime_api import MAX_RESPONSE_BYTES

#: Go's names of the signals that end a runtime (package syscall, Linux).
SIGNALS = {
    1: "hangup",
    2: "interrupt",
    3: "quit",
    4: "illegal instruction",
    5: "trace/breakpoint trap",
    6: "aborted",
    7: "bus error",
    8: "floating point exception",
    9: "killed",
    11: "segmentation fault",
    13: "broken pipe",
    14: "alarm clock",
    15: "terminated",
}


@dataclass(frozen=True)
class TimedOut:
    """The handler took longer than the function's timeout."""

    timeout_s: float
    status = "timeout"
    error_type = None

    def payload(self, request_id: str) -> bytes:
        """As recorded in November 2025."""
        message = (
            f"RequestId: {request_id} Error: Task timed out after {self.timeout_s:.2f} seconds"
        )
        return _payload(errorType="Sandbox.Timedout", errorMessage=message)


@dataclass(frozen=True)
class Exited:
    """The runtime process ended; ``code`` is minus the signal if one ended it."""

    code: int
    out_of_memory: bool = False
    status = "error"

    @property
    def error_type(self) -> str:
        """For the REPORT line."""
        return "Runtime.OutOfMemory" if self.out_of_memory else "Runtime.ExitError"

    @property
    def crashed(self) -> bool:
        """Whether a signal ended it, other than for want of memory."""
        return self.code < 0 and not self.out_of_memory

    @property
    def how(self) -> str:
        """The end in the supervisor's words."""
        if self.code == 0:
            return "Runtime exited without providing a reason"
        if self.code > 0:
            return f"Runtime exited with error: exit status {self.code}"
        name = SIGNALS.get(-self.code, f"signal {-self.code}")
        return f"Runtime exited with error: signal: {name}"

    def payload(self, request_id: str) -> bytes:
        """The same for every reason."""
        message = f"RequestId: {request_id} Error: {self.how}"
        return _payload(errorType="Runtime.ExitError", errorMessage=message)


@dataclass(frozen=True)
class InitFailed:
    """Loading the handler failed and the runtime said why; its words are the payload."""

    body: bytes
    error_type: str
    status = "error"

    def payload(self, request_id: str) -> bytes:
        """With the empty request id that the runtime wrote: it knew of no request."""
        return self.body


@dataclass(frozen=True)
class NoEntrypoint:
    """A custom runtime without an executable bootstrap."""

    path: str
    status = "error"
    error_type = "Runtime.InvalidEntrypoint"

    def payload(self, request_id: str) -> bytes:
        """As seen in public logs of functions that forgot it."""
        message = f"RequestId: {request_id} Error: Couldn't find valid bootstrap(s): [{self.path}]"
        return _payload(errorType=self.error_type, errorMessage=message)


@dataclass(frozen=True)
class ResponseTooLarge:
    """The response is larger than 6 MiB."""

    status = "error"
    error_type = "Function.ResponseSizeTooLarge"

    def payload(self, request_id: str) -> bytes:
        """With the message first, as recorded."""
        limit = f"{MAX_RESPONSE_BYTES} bytes"
        message = f"Response payload size exceeded maximum allowed payload size ({limit})."
        return _payload(errorMessage=message, errorType=self.error_type)


Fault = TimedOut | Exited | InitFailed | NoEntrypoint | ResponseTooLarge


def _payload(**fields: str) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()
