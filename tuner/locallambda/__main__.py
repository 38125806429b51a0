"""``python -m tuner.locallambda``: the local Lambda as a process; its first line is its URL."""

import argparse
import sys
from pathlib import Path

from tuner.errors import TunerError, UsageError
from tuner.locallambda.api.signatures import Keys
from tuner.locallambda.limits import cpu, memory
from tuner.locallambda.serve import serve
from tuner.locallambda.service import ServiceOptions


def main(arguments: list[str] | None = None) -> int:
    parsed = vars(_parser().parse_args(arguments))
    process = {name: parsed.pop(name) for name in ("host", "port", "parent_pipe")}
    try:
        if parsed.pop("keys"):
            process["keys"] = _read_keys()
        return serve(ServiceOptions(**parsed), _announce, **process)
    except TunerError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def _read_keys() -> Keys:
    words = sys.stdin.readline().split()
    if len(words) != 2:
        raise UsageError("--keys", "standard input has no keys", "Write ID SECRET into it.")
    return Keys(*words)


def _announce(url: str) -> None:
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tuner.locallambda",
        description="Speaks Lambda's HTTP API on loopback and runs real handlers.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: loopback only)")
    add("--port", type=int, default=0, help="0 takes a free one")
    add("--data", type=Path, help="keep functions and queued events in this folder")
    add("--account-concurrency", type=int, default=1000)
    add("--time-scale", type=float, default=1.0, help="60 makes a platform minute a second")
    add("--cpu", default="auto", choices=cpu.METHODS)
    add("--memory", default="auto", choices=memory.METHODS)
    add("--seed", type=int, default=1, help="of alias weights and idle lives")
    add("--sqs-endpoint", help="URL of the queues that functions name as destinations")
    add("--s3-endpoint", help="URL of the S3 with code that is named as an object")
    add("--control-from-functions", action="store_true", help="they may call more than Invoke")
    add("--keys", action="store_true", help="take only these: ID SECRET, a line of standard input")
    add("--parent-pipe", action="store_true", help="end when standard input ends")
    return parser


if __name__ == "__main__":
    sys.exit(main())
