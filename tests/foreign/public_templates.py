#!/usr/bin/env python3
"""Starts each Python and Node.js function of public templates as it is. By hand.

    git clone --depth 1 https://github.com/aws-samples/serverless-patterns
    python tests/foreign/public_templates.py serverless-patterns

A function counts if its code is there and its runtime is of these two. It has started when its
INIT has ended well, or fails for what AWS would miss as well: a package that is not shipped with
it, or a handler that is not where the template says. A runtime that AWS takes for no new function
gives way to a current one. TUNER_NODE names a Node.js that is new enough for all. Prints a row for
each function that has not started, and the counts.
"""

import asyncio
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tuner.errors import TunerError
from tuner.locallambda.registry.packages import unpack
from tuner.locallambda.sandbox.host import SandboxHost
from tuner.locallambda.sandbox.invocation import Invocation, SandboxSpec
from tuner.targets.local import LocalOptions, _Function, _read
from tuner.targets.names import Kind, TargetName
from tuner.targets.sam import function_names

NAMES = re.compile(r"template\.(ya?ml|json)|.*\.template(\.json)?|serverless\.ya?ml|sam.*\.ya?ml")
#: Reasons for which a function is none of those to start: not built, elsewhere, another language.
OTHER = re.compile(
    r"is missing\. Check|no such file|container image|bootstrap|cannot be read|on AWS but not|"
    r"TypeScript|not on this machine|only a layer such as|is no runtime of Lambda|"
    r"^(?:ruby|java|dotnet|go|provided)\S*: is deprecated"
)
CURRENT = {"p": "python3.13", "n": "nodejs22.x"}
#: What makes AWS refuse the function, too, or its INIT fail.
FAULT = re.compile(
    r"does not (?:export|define)|which is missing\. Name|syntax error|not module\.function|"
    r"CallbackHandlerDeprecated"
)
#: What INIT says of a package that the function does not bring.
NOT_SHIPPED = re.compile(r"No module named '([^'.]+)|Cannot find (?:module|package) '([^']+)'")


def templates(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if NAMES.fullmatch(path.name) and path.is_file() and "node_modules" not in path.parts:
                yield path


async def begin(host: SandboxHost, function: _Function, event: bytes | None = None) -> str:
    """Run the INIT of a function, and give it an event; returns "started", or the error.

    With an event it returns "answered" and the answer in place of "started".
    """
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        task = Path(folder) / "task"
        Path(folder).chmod(0o755)
        unpack(function.package.zip_bytes, task)
        await asyncio.to_thread(host.prepare, function.package.runtime, task)
        arn = f"arn:aws:lambda:eu-west-1:000000000000:function:{function.name}"
        sandbox = host.create(
            SandboxSpec(
                function_name=function.name,
                version="$LATEST",
                arn=arn,
                region="eu-west-1",
                memory_mb=1769,
                timeout_s=3.0,
                handler=function.package.handler,
                runtime=function.package.runtime,
                environment=function.environment,
                task_dir=task,
                log_group=f"/aws/lambda/{function.name}",
                log_stream="2026/01/01/[$LATEST]0",
            )
        )
        try:
            await sandbox.start()
            if sandbox.initialised and event is None:
                return "started"
            result = await sandbox.invoke(Invocation("r-1", event or b"{}", arn))
            kind = result.report.error_type or ("failed" if result.function_error else "answered")
            return f"{kind} {result.payload.decode('utf-8', 'replace')[:300]}"
        finally:
            await sandbox.stop()


async def judge(host: SandboxHost, path: Path, name: str) -> str:
    """ "started", "as on AWS: ...", "left out: ...", or why it has not started."""
    target = TargetName(f"local:{path}#{name}", Kind.LOCAL, path=str(path), logical_id=name)
    try:
        try:
            function = _read(target, LocalOptions())
        except TunerError as error:
            if "is deprecated" not in error.reason or error.thing.split()[-1][0] not in CURRENT:
                raise
            runtime = CURRENT[error.thing.split()[-1][0]]
            function = _read(target, LocalOptions(runtime=runtime))
        told = await begin(host, function)
    except TunerError as error:
        text = f"{error.thing}: {error.reason}. {error.fix}"
        kind = "as on AWS" if FAULT.search(text) else "refused"
        return f"{'left out' if OTHER.search(text) else kind}: {text}"
    if FAULT.search(told):
        return f"as on AWS: {told}"
    missing = NOT_SHIPPED.search(told)
    return f"as on AWS: does not ship {missing[1] or missing[2]}" if missing else told


async def run(folders: list[Path]) -> int:
    host = SandboxHost()
    await host.start(calibrate=False)
    counts: Counter[str] = Counter()
    try:
        for path in templates(folders):
            try:
                names = function_names(path)
            except TunerError as error:
                sys.stdout.write(f"{path}: left out: {error.reason}\n")
                counts["left out"] += 1  # of another cloud, or no template
                continue
            for name in names:
                told = await judge(host, path, name)
                kind = told.partition(":")[0] if ":" in told[:12] else told.partition(" ")[0]
                counts[kind] += 1
                if told != "started":
                    sys.stdout.write(f"{path}#{name}: {told}\n")
                    sys.stdout.flush()
    finally:
        await host.close()
    good = counts["started"] + counts["as on AWS"]
    every = sum(n for kind, n in counts.items() if kind != "left out")
    sys.stdout.write(f"{dict(counts)}\n{good} of {every} start from their template as it is\n")
    return 0 if good > 0.95 * every else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(asyncio.run(run([Path(one).resolve() for one in sys.argv[1:]])))
