"""Pre- and post-processors: a user's own work before and after each call, never measured.

A text names a shell command, a Python function (``module:function``) or a Lambda function (an ARN,
``aws:NAME``). Each takes bytes and gives bytes: a pre-processor the payload, which its output
replaces unless it is empty; a post-processor the answer. The idea is aws-lambda-power-tuning's
(``preProcessorARN``, ``postProcessorARN``). They run in threads of tuner's own process: a worker
asks by message when a call's processor is due, and waits for the answer before it goes on.
"""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from tuner.engine import wire
from tuner.engine.engine import ProcessorCount
from tuner.errors import TunerError, UsageError

#: Takes bytes and facts of the call (``TUNER_CALL``, ``TUNER_OUTCOME`` ...), and gives bytes.
#: Raises :class:`ProcessorFailed`; works in several threads at once.
Work = Callable[[bytes, Mapping[str, str]], bytes]
#: A processor that takes longer is killed, and has failed.
LONGEST_S = 60.0
_FUNCTION = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<name>[A-Za-z_]\w*)")
_LAMBDA = re.compile(r"(?:arn:aws[\w-]*:lambda:.+|aws:(?P<name>.+))")
_LONGEST_WORDS = 200
_PRE, _POST = "pre", "post"
_MOST_THREADS = 32
_LATE_FROM_S = 0.001


class ProcessorFailed(Exception):  # noqa: N818 - reads as what happened
    """The reason in a few words."""

    def __init__(self, words: str) -> None:
        super().__init__(" ".join(words.split())[:_LONGEST_WORDS])


@dataclass(frozen=True)
class Processor:
    """The work, and its name as the user wrote it."""

    name: str
    work: Work


@dataclass(frozen=True)
class Processors:
    """The processors of a run, which ends after ``most_failures`` of one in a row."""

    pre: Processor | None = None
    post: Processor | None = None
    most_failures: int = 1

    @property
    def any(self) -> bool:
        """``True`` if there is one."""
        return self.pre is not None or self.post is not None


def lambda_of(text: str) -> str | None:
    """Return the Lambda function that a processor's text names; ``None`` if it names none."""
    match = _LAMBDA.fullmatch(text.strip())
    return None if match is None else match["name"] or text.strip()


def local_processor(option: str, text: str) -> Processor:
    """Make a command or a Python function a processor. Raises UsageError if it does not exist."""
    written = text.strip()
    if not written:
        fix = "Give a command, module:function or a function's ARN."
        raise UsageError(option, "is empty", fix)
    match = _FUNCTION.fullmatch(written)
    if match is None:
        return Processor(written, _command(written))
    return Processor(written, _function(_imported(option, match["module"], match["name"])))


def function_processor(text: str, invoke: Callable[[bytes], bytes]) -> Processor:
    """Make a Lambda function a processor; ``invoke`` calls it with JSON and raises TunerError."""

    def work(body: bytes, _known: Mapping[str, str]) -> bytes:
        try:
            return invoke(json.dumps(as_json(body)).encode())
        except TunerError as error:
            raise ProcessorFailed(error.reason) from error

    return Processor(text.strip(), work)


def as_json(body: bytes) -> Any:
    """Return the value in a body; its text if it is not JSON, ``None`` if it is empty."""
    try:
        return json.loads(body) if body.strip() else None
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def _imported(option: str, module: str, name: str) -> Callable[[Any], Any]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # a module of the user's may do anything
        reason = f"cannot be imported: {type(error).__name__}: {error}"
        raise UsageError(f"{option} {module}:{name}", reason[:300], "Check the name.") from error
    finally:  # last from now on: the function's own imports find it, and it shadows none of ours
        sys.path.remove(here)
        if here not in sys.path:
            sys.path.append(here)
    if not callable(found):
        raise UsageError(f"{option} {module}:{name}", "is not a function", "Check the name.")
    function: Callable[[Any], Any] = found
    return function


def _function(function: Callable[[Any], Any]) -> Work:
    """Let a function take the JSON value, and give one, or ``None`` for nothing."""

    def work(body: bytes, known: Mapping[str, str]) -> bytes:
        try:
            value = function(as_json(body))
            if value is None:
                return b""
            return value if isinstance(value, bytes) else json.dumps(value).encode()
        except AssertionError as error:  # how a post-processor fails its call in Python
            if "TUNER_OUTCOME" in known:
                return json.dumps({"failure": str(error) or "assertion failed"}).encode()
            raise ProcessorFailed(f"AssertionError: {error}") from error
        except Exception as error:
            raise ProcessorFailed(f"{type(error).__name__}: {error}") from error

    return work


def _command(text: str) -> Work:
    """Let a shell command take the body on its standard input, and give its standard output."""

    def work(body: bytes, known: Mapping[str, str]) -> bytes:
        process = subprocess.Popen(
            text,
            shell=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **known},
            start_new_session=True,  # so that Ctrl-C lets it end, and all of it can be ended
        )
        try:
            said, complained = process.communicate(body, LONGEST_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise ProcessorFailed(f"took longer than {LONGEST_S:.0f} s") from None
        if process.returncode:
            lines = complained.decode("utf-8", "replace").strip().splitlines()
            last = f": {lines[-1]}" if lines else ""
            raise ProcessorFailed(f"exit code {process.returncode}{last}")
        return said

    return work


class Hooks:
    """Runs and counts the processors of one batch; ``broken`` is the error that has to end it."""

    def __init__(self, processors: Processors, concurrency: int) -> None:
        self.broken: TunerError | None = None
        self._most_failures = processors.most_failures
        given = {_PRE: processors.pre, _POST: processors.post}
        self._work = {kind: each.work for kind, each in given.items() if each is not None}
        self._counts = {k: ProcessorCount(k, each.name) for k, each in given.items() if each}
        self._pool = ThreadPoolExecutor(max(1, min(_MOST_THREADS, concurrency)), "processor")
        self._lock = Lock()

    def take(self, fields: Sequence[Any], reply: Callable[[bytes], None]) -> None:
        """Begin what a ``HOOK`` message asks for; ``reply`` answers it, from another thread."""
        self._pool.submit(self._run, tuple(fields), reply)

    def came(self, later_s: float) -> None:
        """Note how much later than planned a call was due, for want of its payload."""
        if _PRE in self._counts and later_s > _LATE_FROM_S:
            self._counts[_PRE].late += 1

    def counts(self) -> tuple[ProcessorCount, ...]:
        """Counts so far."""
        return tuple(self._counts.values())

    def close(self) -> None:
        """Begin nothing more; what is running ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, fields: tuple[Any, ...], reply: Callable[[bytes], None]) -> None:
        kind, number, body, outcome, status = fields
        known = {"TUNER_CALL": str(number)}
        if outcome is not None:
            shown = "" if status is None else str(status)
            known |= {"TUNER_OUTCOME": outcome, "TUNER_STATUS": shown}
        failure, made = _done(self._work[kind], kind, body, known)
        with self._lock:
            self._count(self._counts[kind], failure)
        with suppress(TunerError):  # the worker is gone, which the batch itself notices
            reply(wire.pack(wire.HOOKED, kind, number, failure is None, made))

    def _count(self, count: ProcessorCount, failure: str | None) -> None:
        count.runs += 1
        if failure is None:
            count.failed_in_a_row = 0
            return
        count.failed += 1
        count.failed_in_a_row += 1
        count.reason = count.reason or failure
        if count.failed_in_a_row >= self._most_failures and self.broken is None:
            several = count.failed_in_a_row > 1
            times = f" {count.failed_in_a_row} times in a row" if several else ""
            self.broken = TunerError(
                f"{count.kind}-processor {count.name:.80}",
                f"failed{times}: {failure}",
                "Run it alone, with the payload on its standard input.",
            )


def _fault(made: bytes) -> bytes | None:
    """Return the words of ``{"failure": "..."}``, by which a post-processor fails its call."""
    value = as_json(made) if b'"failure"' in made else None
    words = value.get("failure") if isinstance(value, dict) else None
    return None if not words else str(words)[:_LONGEST_WORDS].encode()


def _done(
    work: Work, kind: str, body: bytes, known: Mapping[str, str]
) -> tuple[str | None, bytes | None]:
    """Return the reason of a failure, and the payload that was made."""
    try:
        made = work(body, known)
        if kind == _POST:
            return None, _fault(made)
        if not made.strip():
            return None, None
        json.loads(made)
    except ProcessorFailed as failed:
        return str(failed), None
    except (ValueError, RecursionError):
        return "gave no valid JSON", None
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200], None
    return None, made
