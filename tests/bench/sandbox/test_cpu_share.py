"""CPU that a busy handler gets in 2 s at each size, against Lambda's MB/1769 of a core.

``pytest -m bench tests/bench/sandbox``. The duty cycle needs a machine that is otherwise quiet,
since it cannot give sandboxes more weight than other work; each size is the best of up to three
tries, all of which are shown.
"""

from pathlib import Path

import pytest

from support.nodejs import node_runtime
from tuner.errors import UsageError
from tuner.locallambda.limits.cpu import share

pytestmark = pytest.mark.bench

SIZES = (128, 256, 512, 1024, 1536)
TRIES = 3
SPIN = {"do": "spin", "seconds": 2.0}
NODE_HANDLERS = Path(__file__).parents[2] / "handlers" / "nodejs"


@pytest.mark.parametrize(
    ("method", "target"), [("cgroup-v1", 0.03), ("cgroup-v2", 0.03), ("duty-cycle", 0.08)]
)
def test_busy_handler_gets_its_share(method, target, probe_sizes, show):
    table(method, target, probe_sizes, show, "Python", {})


def test_busy_node_gets_its_share(probe_sizes, show):
    more = {"folder": NODE_HANDLERS, "runtime": node_runtime()}
    table("auto", 0.03, probe_sizes, show, more["runtime"], more)


def table(method, target, probe_sizes, show, what, more):
    """Print the errors of a runtime's share at each size; assert that they are small."""
    rows, failed = [], []
    for size in SIZES:
        errors = []
        while len(errors) < TRIES and not any(abs(error) <= target for error in errors):
            try:
                answer = probe_sizes([size], {"do": "spin", "seconds": 2.0}, cpu=method, **more)[0][
                    1
                ]
            except UsageError as reason:
                pytest.skip(str(reason))
            errors.append(answer["share"] / share(size) - 1)
        best = min(errors, key=abs)
        shown = " ".join(f"{error:+.1%}" for error in errors)
        rows.append((size, f"{share(size):.4f}", f"{best:+.2%}", f"{target:.0%}", shown))
        if abs(best) > target:
            failed.append(size)
    heads = ("MB", "share", "error", "target", "tries")
    show(f"CPU share of a 2 s busy handler of {what} by {method}", heads, rows)
    assert not failed
