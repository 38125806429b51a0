"""Progress while a run works: a live view on stderr, or nothing.

A watcher of runs. Where stderr is no terminal, or with ``--no-progress``, each step is one
plain line; with ``--quiet`` there is none. A stderr that is full or gone ends no run.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress

from rich.console import Console
from rich.live import Live

from tuner.cli.interrupt import StopRequest, stop_on_signals
from tuner.planning.ask import Ask
from tuner.planning.budget import Meter
from tuner.records import Sample
from tuner.report.running import Running

#: Seconds between two drawings. Drawing takes some milliseconds of this process, which only hands
#: calls to the workers that measure them.
_EVERY_S = 0.5


class Progress:
    """Shows steps and samples; ``stop_request`` says whether the user wants to stop."""

    def __init__(self, *, quiet: bool, live: bool) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._quiet = quiet
        terminal = self._console.is_terminal and not self._console.is_dumb_terminal
        self._running = Running()
        self._screen = _Screen(self._console, self._running) if live and terminal else None
        self._screen = None if quiet else self._screen
        self._step = ""
        self.stop_request = StopRequest()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the live view meanwhile."""
        with self._screen.drawn() if self._screen else nullcontext():
            yield

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the live view away while something is printed or asked."""
        if self._screen:
            self._screen.stop()
        yield
        if self._screen:
            self._screen.start()

    def say(self, text: str) -> None:
        """Show what is being done."""
        if text == self._step:
            return
        self._step = text
        self._running.say(text)
        if self._screen is None and not self._quiet:
            with suppress(OSError):
                self._console.print(text, markup=False, soft_wrap=True)

    def begins(self, ask: Ask, meter: Meter, price: Callable[[Sample], float | None]) -> None:
        """Hear of the next calls."""
        if self._screen:
            self._running.begins(ask, meter, price)

    def sampled(self, sample: Sample) -> None:
        """Note one more request that has ended."""
        if self._screen:
            self._running.take(sample)

    def stop(self) -> bool:
        """Return whether the user has asked to stop."""
        return self.stop_request()


class _Screen:
    """Draws what is running, from a thread of its own, so that no sample waits for it."""

    def __init__(self, console: Console, running: Running) -> None:
        show = lambda: running.shown(console)  # noqa: E731 - as Live takes it
        self._live = Live(console=console, get_renderable=show, auto_refresh=False, transient=True)
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def drawn(self) -> Iterator[None]:
        """Draw meanwhile."""
        self.start()
        try:
            yield
        finally:
            self.stop()

    def start(self) -> None:
        """Begin to draw, at once and then in turn."""
        with suppress(OSError):
            self._live.start(refresh=True)
        self._ended.clear()
        self._thread = threading.Thread(target=self._draw, name="live view", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take away what is drawn."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._thread = None
        with suppress(OSError):
            self._live.stop()

    def _draw(self) -> None:
        while not self._ended.wait(_EVERY_S):
            with suppress(OSError):
                self._live.refresh()


@contextmanager
def watched(*, quiet: bool, live: bool) -> Iterator[Progress]:
    """Show progress for the time of a run, which Ctrl-C asks to stop."""
    progress = Progress(quiet=quiet, live=live)
    with progress.shown(), stop_on_signals(progress.say) as progress.stop_request:
        yield progress
