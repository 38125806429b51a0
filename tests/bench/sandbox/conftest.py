"""What the benchmarks of sandboxes share: run the probe handler at some sizes, print a table."""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

HANDLERS = Path(__file__).parents[2] / "handlers"


@pytest.fixture
def probe_sizes() -> Callable[..., list[tuple[int, Any, Any]]]:
    """``probe_sizes(sizes, event, cpu="auto")``: (size, answer, report) of a cold call each."""
    return _probe_sizes


def _probe_sizes(
    sizes: Sequence[int],
    event: dict[str, Any],
    cpu: str = "auto",
    folder: Path = HANDLERS,
    module: str = "probe",
    runtime: str = f"python3.{sys.version_info.minor}",
) -> list[tuple[int, Any, Any]]:
    from tuner.locallambda.sandbox.host import SandboxHost
    from tuner.locallambda.sandbox.invocation import Invocation, SandboxSpec

    async def run() -> list[tuple[int, Any, Any]]:
        host = SandboxHost(cpu=cpu)
        await host.start(calibrate=False)
        rows = []
        try:
            for size in sizes:
                spec = SandboxSpec(
                    function_name="bench",
                    version="$LATEST",
                    arn="arn:aws:lambda:eu-west-1:000000000000:function:bench",
                    region="eu-west-1",
                    memory_mb=size,
                    timeout_s=60.0,
                    handler=f"{module}.handler",
                    runtime=runtime,
                    environment={},
                    task_dir=folder,
                    log_group="bench",
                    log_stream="bench",
                )
                sandbox = host.create(spec)
                await sandbox.start()
                call = Invocation("bench", json.dumps(event).encode(), spec.arn)
                result = await sandbox.invoke(call)
                await sandbox.stop()
                rows.append((size, json.loads(result.payload), result.report))
        finally:
            await host.close()
        return rows

    return asyncio.run(run())


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """``show(title, heads, rows)`` prints a table past pytest's capture."""

    def show(title: str, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        lines = [heads, *[[str(cell) for cell in row] for row in rows]]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        with capsys.disabled():
            print(f"\n\n{title}")
            for line in lines:
                print("  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)))

    return show
