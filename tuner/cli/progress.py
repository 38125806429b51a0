"""Progress while a run works: one live line on stderr, or nothing.

A watcher of runs. Where stderr is no terminal, or with ``--no-progress``, each step is one
plain line; with ``--quiet`` there is none. A stderr that is full or gone ends no run.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from tuner.cli.interrupt import StopRequest, stop_on_signals
from tuner.records import Outcome, Sample
from tuner.units import format_memory, format_ms


class Progress:
    """Shows steps and samples; ``stop_request`` says whether the user wants to stop."""

    def __init__(self, *, quiet: bool, live: bool) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._quiet = quiet
        on = live and not quiet and self._console.is_terminal
        self._status = Status("", console=self._console) if on else None
        self._step = ""
        self._count = self._failed = 0
        self.stop_request = StopRequest()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the live line meanwhile."""
        with self._status or nullcontext():
            yield

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
            with suppress(OSError):
                self._console.print(text, markup=False, soft_wrap=True)

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
        with suppress(OSError):
            self._status.update(f"{escape(self._step)}{tail}")


@contextmanager
def watched(*, quiet: bool, live: bool) -> Iterator[Progress]:
    """Show progress for the time of a run, which Ctrl-C asks to stop."""
    progress = Progress(quiet=quiet, live=live)
    with progress.shown(), stop_on_signals(progress.say) as progress.stop_request:
        yield progress
