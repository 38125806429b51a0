"""Waits until a moment on CLOCK_MONOTONIC, exactly, and hardly spinning.

gevent's own timers are rounded up to a millisecond by epoll (0.6 ms late in the median where this
was written); a Linux timerfd is late by about 0.1 ms, which is what waking a process takes. So it
is set that much early, as learned from the last waits, and what is left is spun away: otherwise
calls that are due shortly after one another leave all at once. Elsewhere gevent's timers do.
"""

import ctypes
import os
import sys
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event

_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000  # TFD_NONBLOCK | TFD_CLOEXEC, sys/timerfd.h
_ABSOLUTE = 1  # TFD_TIMER_ABSTIME
_READ = 1  # libev's EV_READ
#: How early to wake: so early that this share of wakings is in time, found in steps (s), and never
#: earlier than this (s), so that a busy machine does not make it spin for long.
_IN_TIME, _STEP_S, _EARLIEST_S = 0.8, 2e-6, 80e-6
#: A shorter wait (s) is over before a timer is set.
_SHORT_S = 20e-6


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSpec(ctypes.Structure):
    _fields_ = (("interval", _TimeSpec), ("value", _TimeSpec))


class Timer:
    """One waiting greenlet at a time."""

    def __init__(self) -> None:
        self._fd = -1
        self._woken = Event()
        self._early_s = 50e-6
        self._called = False  # woken before the moment
        if sys.platform == "linux":
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._fd >= 0:
            self._watcher: Any = gevent.get_hub().loop.io(self._fd, _READ)

    def wait_until(self, moment_s: float) -> bool:
        """Return when ``monotonic()`` has reached ``moment_s``; whether others ran meanwhile."""
        wait = moment_s - monotonic()
        if wait <= 0:
            return False
        self._called = False
        if wait <= _SHORT_S:
            _spin_until(moment_s)
            return False
        early_s = min(self._early_s, wait - _SHORT_S)
        if self._fd < 0 or not self._set(moment_s - early_s):
            self._woken.clear()
            self._woken.wait(wait)
            return True
        gevent.get_hub().wait(self._watcher)
        os.read(self._fd, 8)
        if not self._called:
            self._learn(monotonic() - (moment_s - early_s))
            _spin_until(moment_s)
        return True

    def _learn(self, took_s: float) -> None:
        """Move towards how long waking takes."""
        off = _IN_TIME if took_s > self._early_s else _IN_TIME - 1.0
        self._early_s = min(_EARLIEST_S, max(0.0, self._early_s + off * _STEP_S))

    def wake(self) -> None:
        """End the wait that is going on, if any."""
        self._woken.set()
        self._called = True
        if self._fd >= 0:
            self._set(1e-9)  # long past, so it expires at once; harmless when nobody waits

    def _set(self, moment_s: float) -> bool:
        seconds = int(moment_s)
        nanoseconds = int((moment_s - seconds) * 1e9)
        spec = _TimerSpec(_TimeSpec(0, 0), _TimeSpec(seconds, nanoseconds))
        done: int = self._libc.timerfd_settime(self._fd, _ABSOLUTE, ctypes.byref(spec), None)
        return done == 0

    def close(self) -> None:
        """Let go of the file descriptor."""
        if self._fd >= 0:
            self._watcher.close()
            os.close(self._fd)
            self._fd = -1


def _spin_until(moment_s: float) -> None:
    while monotonic() < moment_s:
        pass
