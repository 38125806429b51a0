"""Pre- and post-processors: what the user has done before and after each call, never measured.

A text names a shell command, a Python function (``module:function``) or a Lambda function (an ARN,
``aws:NAME``). Each gets bytes and gives bytes: a pre-processor the payload, which its output
replaces unless it is empty; a post-processor the answer. The habit is aws-lambda-power-tuning's
(``preProcessorARN``, ``postProcessorARN``). When they run is not known here.
"""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.errors import TunerError, UsageError

#: Given bytes and what is known of the call (``TUNER_CALL``, ``TUNER_OUTCOME`` ...): bytes.
#: Raises :class:`ProcessorFailed`; has to work in several threads at once.
Work = Callable[[bytes, Mapping[str, str]], bytes]
#: A processor that takes longer is ended, and has failed.
LONGEST_S = 60.0
_FUNCTION = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<name>[A-Za-z_]\w*)")
_LAMBDA = re.compile(r"(?:arn:aws[\w-]*:lambda:.+|aws:(?P<name>.+))")
_LONGEST_WORDS = 200


class ProcessorFailed(Exception):  # noqa: N818 - reads as what happened
    """Why, in a few words."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = " ".join(words.split())[:_LONGEST_WORDS]


@dataclass(frozen=True)
class Processor:
    """What is done, and how the user wrote it."""

    name: str
    work: Work


@dataclass(frozen=True)
class Processors:
    """Those of a run. After ``most_failures`` of the pre-processor in a row the run ends."""

    pre: Processor | None = None
    post: Processor | None = None
    most_failures: int = 1

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return self.pre is not None or self.post is not None


def lambda_of(text: str) -> str | None:
    """The Lambda function that a processor's text names; ``None`` if it is none."""
    match = _LAMBDA.fullmatch(text.strip())
    return None if match is None else match["name"] or text.strip()


def local_processor(option: str, text: str) -> Processor:
    """A command or a Python function. Raises UsageError for one that cannot be there."""
    written = text.strip()
    if not written:
        fix = "Give a command, module:function or a function's ARN."
        raise UsageError(option, "names nothing to run", fix)
    match = _FUNCTION.fullmatch(written)
    if match is None:
        return Processor(written, _command(written))
    return Processor(written, _function(_imported(option, match["module"], match["name"])))


def function_processor(text: str, invoke: Callable[[bytes], bytes]) -> Processor:
    """A Lambda function; ``invoke`` calls it with JSON and raises TunerError."""

    def work(body: bytes, _known: Mapping[str, str]) -> bytes:
        try:
            return invoke(json.dumps(as_json(body)).encode())
        except TunerError as error:
            raise ProcessorFailed(error.reason) from error

    return Processor(text.strip(), work)


def as_json(body: bytes) -> Any:
    """The value in a body; its text if it is no JSON, ``None`` if it is empty."""
    try:
        return json.loads(body) if body.strip() else None
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def _imported(option: str, module: str, name: str) -> Callable[[Any], Any]:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # a module of the user's may do anything
        reason = f"cannot be imported: {type(error).__name__}: {error}"
        raise UsageError(f"{option} {module}:{name}", reason[:300], "Check the name.") from error
    if not callable(found):
        raise UsageError(f"{option} {module}:{name}", "is no function", "Check the name.")
    function: Callable[[Any], Any] = found
    return function


def _function(function: Callable[[Any], Any]) -> Work:
    """A function gets the JSON value, and gives one, or ``None`` for nothing."""

    def work(body: bytes, _known: Mapping[str, str]) -> bytes:
        try:
            value = function(as_json(body))
            if value is None:
                return b""
            return value if isinstance(value, bytes) else json.dumps(value).encode()
        except Exception as error:
            raise ProcessorFailed(f"{type(error).__name__}: {error}") from error

    return work


def _command(text: str) -> Work:
    """A command gets the body on its standard input, and gives its standard output."""

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
            raise ProcessorFailed(f"was ended after {LONGEST_S:.0f} s") from None
        if process.returncode:
            lines = complained.decode("utf-8", "replace").strip().splitlines()
            last = f": {lines[-1]}" if lines else ""
            raise ProcessorFailed(f"exit code {process.returncode}{last}")
        return said

    return work
