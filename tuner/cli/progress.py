"""Progress while a run works: one live line on stderr, or nothing.

A watcher of the flow. Where stderr is no terminal, or with ``--no-progress``, each step is one
plain line; with ``--quiet`` there is none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.status import Status

from tuner.cli.interrupt import StopRequest
from tuner.planning.ask import Ask
from tuner.records import Outcome, Sample
from tuner.units import format_memory, format_ms


class Progress:
    """Shows steps and samples; ``stop_request`` says whether the user wants to stop."""

    def __init__(self, *, quiet: bool, live: bool) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._status = (
            Status("", console=self._console)
            if live and not quiet and self._console.is_terminal
            else None
        )
        self._step = ""
        self._count = self._failed = 0
        self.stop_request = StopRequest()

    def __enter__(self) -> "Progress":
        if self._status:
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._status:
            self._status.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the live line away while something is printed or asked."""
        if self._status:
            self._status.stop()
        yield
        if self._status:
            self._status.start()

    def say(self, text: str) -> None:
        """Show what is being done."""
        if text == self._step:
            return
        self._step = text
        if self._status:
            self._show("")
        elif not self._quiet:
            self._console.print(text, markup=False, soft_wrap=True)

    def asked(self, ask: Ask) -> None:
        """Show what the plan asks for next, and why."""
        self.say(f"next: {_sizes(ask)}, {ask.why}")

    def sampled(self, sample: Sample) -> None:
        """Count one more request that has ended."""
        self._count += 1
        self._failed += sample.outcome is not Outcome.OK
        if self._status:
            took = "" if sample.duration_ms is None else f", {format_ms(sample.duration_ms)}"
            self._show(f"{format_memory(sample.memory_mb)}{took}")

    def stop(self) -> bool:
        """Return whether the user has asked to stop."""
        return self.stop_request()

    def _show(self, last: str) -> None:
        failed = f", {self._failed} failed" if self._failed else ""
        tail = f" [dim]{self._count} invocations{failed}; last: {last}[/dim]" if last else ""
        assert self._status is not None
        self._status.update(f"{_escaped(self._step)}{tail}")


def _sizes(ask: Ask) -> str:
    sizes = [f"{size:,}" for size in dict.fromkeys(each.memory_mb for each in ask.counts)]
    shown = ", ".join(sizes if len(sizes) <= 6 else [*sizes[:3], "...", *sizes[-2:]])
    return f"{shown} MB"


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
