"""A locustfile's LoadTestShape: how many users there are at each moment, as it says.

Each worker asks its own shape once a second, as Locust's master does, and has its share of the
users. The shape knows the time since the start and the users; it ends the load with ``None``.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import gevent
from gevent.event import Event
from locust import LoadTestShape, User
from locust.dispatch import UsersDispatcher
from locust.runners import WorkerNode
from locust.user.task import LOCUST_STATE_STOPPING
from locust.util.load_locustfile import is_shape_class

_TICK_S = 1.0  # as locust.runners.Runner.shape_worker
#: As many as ``--users`` may be.
_MOST = 10_000


class _Seen:
    """The runner as a shape sees it: with the users of all workers, without the tuner's own."""

    def __init__(self, runner: Any, users: Callable[[], Iterable[User]], workers: int) -> None:
        self._runner, self._users, self._workers = runner, users, workers

    @property
    def user_count(self) -> int:
        """Number of users, as far as this worker can tell."""
        return sum(1 for _ in self._users()) * self._workers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)


def shape_in(items: Iterable[Any], expected: bool) -> LoadTestShape | None:
    """Return the one shape among what a locustfile defines; ``None`` without any.

    ``expected`` says whether its text has one. Raises LookupError, which names what is not taken.
    """
    found = list(dict.fromkeys(filter(_is_shape, items)))
    names = ", ".join(item.__name__ for item in found)
    if len(found) > 1:
        raise LookupError(f"it has several load shapes ({names}); leave one of them")
    if bool(found) != expected:
        raise LookupError(
            f"its load shape {names} is of another file; write it as class X(LoadTestShape) in this"
            if found
            else "its LoadTestShape is abstract or made only on a condition"
        )
    if not found:
        return None
    if found[0].use_common_options:
        raise LookupError(f"the load shape {names} uses --users and --spawn-rate of Locust")
    return found[0]()  # type: ignore[no-any-return]


def _is_shape(item: Any) -> bool:
    return is_shape_class(item) and item is not LoadTestShape


class ShapedUsers:
    """Users of one worker, of which there are as many as ``shape`` says.

    ``share`` is this worker's index and the number of workers; ``users`` gives those that live.
    """

    def __init__(
        self,
        runner: Any,
        shape: LoadTestShape,
        classes: Sequence[type[User]],
        share: tuple[int, int],
        users: Callable[[], Iterable[User]],
    ) -> None:
        self._runner, self._shape, self._users = runner, shape, users
        self._index, self._workers = share
        self._dispatcher = UsersDispatcher([WorkerNode("here")], list(classes))
        self._there: Counter[str] = Counter()
        self._following: Any = None
        shape.runner = _Seen(runner, users, self._workers)  # type: ignore[assignment]

    def drive(self, over: Event) -> None:
        """Follow the shape until it ends or ``over`` is set. Raises ValueError for a bad tick."""
        shape, former = self._shape, None
        shape.reset_time()  # type: ignore[no-untyped-call]
        try:
            while not over.is_set():
                tick = shape.tick()
                if tick is None:
                    return
                if tick != former:
                    former = tick
                    self._follow(*self._checked(tick))
                over.wait(_TICK_S)
        finally:
            self._halt()

    def _halt(self) -> None:
        if self._following is not None:
            self._following.kill()

    def _checked(self, tick: Any) -> tuple[int, float, list[type[User]] | None]:
        """Return this worker's users, their rate of change, and their classes."""
        name = type(self._shape).__name__
        try:
            users, rate, *more = tick
            fine = 0 <= users <= _MOST and rate > 0 and math.isfinite(rate) and len(more) < 2
        except (TypeError, ValueError):
            fine = False
        if not fine:
            raise ValueError(f"tick() of {name} gave {tick!r:.80}, not (users, spawn rate)")
        each, rest = divmod(round(users), self._workers)
        return each + (self._index < rest), rate / self._workers, more[0] if more else None

    def _follow(self, users: int, rate: float, classes: list[type[User]] | None) -> None:
        self._halt()
        self._dispatcher.new_dispatch(users, rate, classes)
        self._following = gevent.spawn(self._change)

    def _change(self) -> None:
        for wanted in self._dispatcher:
            there = Counter(wanted["here"])
            more, fewer = there - self._there, self._there - there
            self._there = there
            for name, count in fewer.items():
                self._stop(name, count)
            self._runner.spawn_users(dict(more))

    def _stop(self, name: str, count: int) -> None:
        """Let so many users of a class end: those that wait now, the others after their task."""
        left = count
        for user in [each for each in self._users() if type(each).__name__ == name]:
            if left and user._state != LOCUST_STATE_STOPPING:
                left -= 1
                user.stop(force=False)
