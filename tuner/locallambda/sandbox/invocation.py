"""Records that go into a sandbox and come out of it, without behaviour.

Memory is MB as Lambda counts it (MiB), durations are milliseconds, timeouts seconds.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: The folder of a package that holds the content of its layers, shown as /opt.
LAYERS_FOLDER = ".tuner-opt"


@dataclass(frozen=True)
class SandboxSpec:
    """One version of a function as a sandbox has to run it."""

    function_name: str
    version: str  # "$LATEST" or a number
    arn: str  # without qualifier
    region: str
    memory_mb: int
    timeout_s: float
    handler: str
    runtime: str  # "python3.13", "provided.al2023", ...
    environment: Mapping[str, str]  # the function's own variables
    task_dir: Path  # unpacked code, read by every sandbox of the version
    log_group: str
    log_stream: str
    log_format: str = "Text"  # or "JSON": platform lines and the runtime's own logging
    log_level: str | None = None  # of the function's own lines; JSON only
    system_log_level: str | None = None  # of platform lines; JSON only
    ephemeral_mb: int = 512  # the size of /tmp
    initialization: str = "on-demand"  # or "provisioned-concurrency": ahead of calls


def new_trace_id() -> str:
    """A trace header in X-Ray's format, not sampled."""
    unique = uuid.uuid4().hex
    return f"Root=1-{int(time.time()):08x}-{unique[:24]};Parent={unique[16:]};Sampled=0"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event for a handler. The deadline is the sandbox's: its start plus the timeout."""

    request_id: str
    event: bytes
    invoked_arn: str  # carries the qualifier only if the caller gave one
    trace_id: str = field(default_factory=new_trace_id)
    client_context: str | None = None  # JSON, already decoded from base64


@dataclass(frozen=True, slots=True)
class ReportFields:
    """The fields of a REPORT line, with their hidden digits."""

    duration_ms: float
    billed_ms: int  # ceil(duration + init)
    memory_mb: int
    max_memory_mb: int
    init_ms: float | None = None  # first invocation of a sandbox only
    status: str | None = None  # None, "timeout" or "error"
    error_type: str | None = None  # "Runtime.OutOfMemory", ...; None for a handler's exception


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """The end of one invocation; a fault of the function is a result, never an exception."""

    payload: bytes
    function_error: str | None  # "Unhandled"
    report: ReportFields
    log: bytes = field(repr=False)  # START .. REPORT, complete; a tail is its last 4 KB
    alive: bool = True  # the sandbox can serve again
    events: bytes | None = field(default=None, repr=False)  # the log with ends of events told apart
