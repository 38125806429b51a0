"""``python -m tuner.locallambda``: the local Lambda as a process; its first line is its URL."""

import argparse
import sys
from pathlib import Path

from tuner.errors import TunerError
from tuner.locallambda.serve import ServeOptions, complain, serve
from tuner.locallambda.service import ServiceOptions


def main(arguments: list[str] | None = None) -> int:
    """Parse the options and serve; returns the exit code."""
    parsed = _parser().parse_args(arguments)
    options = ServeOptions(
        host=parsed.host,
        port=parsed.port,
        parent_pipe=parsed.parent_pipe,
        service=ServiceOptions(
            data=parsed.data,
            account_concurrency=parsed.account_concurrency,
            time_scale=parsed.time_scale,
            cpu=parsed.cpu,
            memory=parsed.memory,
            seed=parsed.seed,
            sqs_endpoint=parsed.sqs_endpoint,
        ),
    )
    try:
        return serve(options, _announce)
    except TunerError as error:
        return complain(error)


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
    add("--cpu", default="auto", choices=("auto", "cgroup-v1", "cgroup-v2", "duty-cycle"))
    add("--memory", default="auto", choices=("auto", "cgroup", "rss"))
    add("--seed", type=int, default=1, help="of alias weights and idle lives")
    add("--sqs-endpoint", help="URL of the queues that functions name as destinations")
    add("--parent-pipe", action="store_true", help="end when standard input ends")
    return parser


if __name__ == "__main__":
    sys.exit(main())
