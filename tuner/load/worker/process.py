"""How a worker's process behaves towards its parent and its memory."""

import gc
import os
import signal
import sys
from typing import Any

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent() -> None:
    """End even if something else keeps the parent's end of the socket open (Linux only).

    The signal also comes when only the thread ends that started this process: then live on.
    """
    parent = os.getppid()
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)

    def on_signal(_number: int, _frame: Any) -> None:
        if os.getppid() != parent:
            os._exit(1)

    signal.signal(signal.SIGTERM, on_signal)


def settle_memory() -> None:
    """Keep garbage collection out of the latencies; call it when everything is loaded.

    What is loaded now lives as long as the process. Collections look at the young objects only,
    seldom, so that none of them shows as a pause in somebody's latency.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
