"""Values that a shell completes, by the names that options give them.

Whatever goes wrong, nothing is completed; a shell must not show errors at each Tab.
"""

import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tuner.files import read_text

#: So many runs are offered, the newest first.
_RUNS = 50


def completed(values: str | Iterable[str], incomplete: str) -> list[str]:
    """The values that begin so: of a list, or of a kind of them."""
    try:
        known = _KINDS[values]() if isinstance(values, str) else values
        return [value for value in known if value.startswith(incomplete)]
    except Exception:
        return []


def _demos() -> Iterable[str]:
    from tuner.targets.names import DEMOS

    return (f"demo:{name}" for name in DEMOS)


def _profiles() -> Iterable[str]:
    from tuner.engine.profiles.profile_file import profile_names

    return profile_names()


def _events() -> Iterable[str]:
    from tuner.engine.profiles.events import event_names

    return event_names()


def _runs() -> Iterable[str]:
    """Those of the store that the environment names."""
    from tuner.store.runs import Store

    with Store.open(os.environ.get("TUNER_STORE"), create=False) as store:
        return ["last", *(run.run for run in store.runs(_RUNS))]


def _aws_profiles() -> Iterable[str]:
    from tuner.aws.session import profile_names

    return profile_names()


def _suite_cases() -> Iterable[str]:
    table = tomllib.loads(read_text(Path("tuner.toml"), plain=True))
    return [str(case["name"]) for case in table.get("case", [])]


_KINDS: Mapping[str, Callable[[], Iterable[str]]] = {
    "demos": _demos,
    "profiles": _profiles,
    "events": _events,
    "runs": _runs,
    "AWS profiles": _aws_profiles,
    "suite cases": _suite_cases,
}
