"""A user's own locustfile, played by one worker: its users appear, call, and are sent home.

Locust's classes do what they do under Locust (weights, fixed counts, wait times, ``on_start``);
numbers for their calls, and when everything ends, come from here.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from time import monotonic
from types import ModuleType
from typing import Any

import gevent
from gevent.event import Event
from locust import User
from locust.dispatch import UsersDispatcher
from locust.runners import WorkerNode
from locust.util.load_locustfile import is_user_class

from tuner.engine import wire
from tuner.engine.worker.desk import Desk
from tuner.engine.worker.lane import Caller, Lane

#: How long users may go on with their own affairs after their last call was answered.
_GRACE_S = 1.0
_MODULE = "locustfile"


class Play:
    """One locustfile for one batch. ``over`` is set when nothing new may be sent any more."""

    def __init__(self, runner: Any, desk: Desk, order: wire.Order) -> None:
        assert order.script is not None
        self.over = Event()
        self.script = wire.ScriptOrder._make(order.script)
        self._runner, self._desk, self._order = runner, desk, order
        self._number = self.script.first
        self._drawn = 0
        self._busy = 0
        self._quiet = Event()
        self._quiet.set()
        self._mistakes: Counter[str] = Counter()
        self._classes = self._load()
        runner.environment.user_classes = [Lane, *self._classes]
        runner.environment.events.user_error.add_listener(self._note_mistake)

    def next_number(self) -> int:
        """A number for a call that no other worker gives away."""
        number, self._number = self._number, self._number + self.script.step
        return number

    def next_payload(self) -> int:
        """Which of the load's own payloads is next."""
        drawn, self._drawn = self._drawn, self._drawn + 1
        return self.script.draws[drawn % len(self.script.draws)]

    def began(self) -> None:
        """A user has begun a call."""
        self._busy += 1
        self._quiet.clear()

    def ended(self) -> None:
        """A user's call has ended, with all its attempts."""
        self._busy -= 1
        if not self._busy:
            self._quiet.set()

    def run(self, start: float) -> None:
        """Let the users in at ``start`` (monotonic), and out at the batch's end."""
        gevent.sleep(max(0.0, start - monotonic()))
        environment = self._runner.environment
        environment.events.test_start.fire(environment=environment)
        spawning = gevent.spawn(self._spawn)
        cutoff_s = self._order.cutoff_s
        self.over.wait(None if cutoff_s is None else max(0.0, start + cutoff_s - monotonic()))
        self.over.set()
        spawning.kill()
        self._send_home()
        environment.events.test_stop.fire(environment=environment)
        environment.events.user_error.remove_listener(self._note_mistake)
        if self._mistakes:
            told = self._mistakes.most_common(20)
            self._desk.emit(wire.pack(wire.MISTAKES, *told))

    def _load(self) -> list[type[User]]:
        """Run the file; its users. Raises what it raises."""
        script = self.script
        if script.folder not in sys.path:
            sys.path.insert(0, script.folder)
        module = ModuleType(_MODULE)
        module.__file__ = f"{script.folder}/{script.name}"
        sys.modules[_MODULE] = module
        exec(compile(script.source, module.__file__, "exec"), module.__dict__)
        found = [item for item in vars(module).values() if is_user_class(item)]
        if not any(issubclass(item, Caller) for item in found):
            raise LookupError(
                "no class of it is a LambdaUser (from tuner.engine.worker import LambdaUser)"
            )
        return list(dict.fromkeys(found))

    def _spawn(self) -> None:
        dispatcher = UsersDispatcher([WorkerNode("here")], self._classes)
        users = self._order.lanes
        dispatcher.new_dispatch(users, self.script.spawn_per_s or users)
        there: Counter[str] = Counter()
        try:
            for wanted in dispatcher:
                more = Counter(wanted["here"]) - there
                there += more
                self._runner.spawn_users(dict(more))
        except Exception as error:  # a constructor of the user's
            self._desk.emit(wire.pack(wire.FAILED, f"{type(error).__name__}: {error}"))

    def _send_home(self) -> None:
        """End all users: those who wait now, the others when their call is answered."""
        going = [gevent.spawn(user.stop, force=False) for user in self._users()]
        gevent.joinall(going, timeout=_GRACE_S)
        self._quiet.wait(self._order.timeout_s)
        left = gevent.spawn(self._await_gone)
        left.join(timeout=_GRACE_S)
        left.kill()
        gevent.killall([user.greenlet for user in self._users()], timeout=_GRACE_S)

    def _await_gone(self) -> None:
        while any(True for _ in self._users()):
            gevent.sleep(0.01)

    def _users(self) -> Iterator[User]:
        for greenlet in list(self._runner.user_greenlets):
            user = greenlet.args[0] if greenlet.args else None
            if isinstance(user, User) and not isinstance(user, Lane):
                yield user

    def _note_mistake(self, exception: Any, **_: Any) -> None:
        self._mistakes[f"{type(exception).__name__}: {exception}"[:200]] += 1
