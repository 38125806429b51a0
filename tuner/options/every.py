"""Every option that is declared anywhere, for what is said of all of them."""

from collections.abc import Iterator
from typing import Any

import tuner.options.commands
import tuner.options.manage
import tuner.options.suites  # noqa: F401 - these three declare all there are
from tuner.options.option import Option, Options


def every_option() -> Iterator[Option[Any, Any]]:
    """Each option of each class, in the order of their declaration; some are in several."""
    classes: list[type[Options]] = [Options]
    for of in classes:
        classes += [each for each in of.__subclasses__() if each.__module__.startswith("tuner.")]
        yield from (each for each in vars(of).values() if isinstance(each, Option))
