"""Which configuration should this Lambda function run with? tuner answers with evidence.

The public names are functions of :mod:`tuner.api`; they are loaded when first used, so that
``import tuner`` stays cheap.
"""

from importlib import import_module

#: As in typing, which takes longer to load than all that is here.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from tuner.api.load import load
    from tuner.api.plan import plan
    from tuner.api.stored import compare, open_run, recommend
    from tuner.api.suites import bench
    from tuner.api.survey import survey
    from tuner.api.sweep import cold, sweep
    from tuner.api.traffic_forecast import forecast

__version__ = "0.2.0"
__all__ = [
    "bench",
    "cold",
    "compare",
    "forecast",
    "load",
    "open_run",
    "plan",
    "recommend",
    "survey",
    "sweep",
]

_ROOMS = {
    **dict.fromkeys(("cold", "sweep"), "sweep"),
    **dict.fromkeys(("compare", "open_run", "recommend"), "stored"),
    "forecast": "traffic_forecast",
    "load": "load",
    "plan": "plan",
    "bench": "suites",
    "survey": "survey",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'tuner' has no attribute {name!r}")
    return getattr(import_module(f"tuner.api.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
