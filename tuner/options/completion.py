"""Values that a shell completes: of demos, profiles, events and stored runs.

Whatever goes wrong, nothing is completed; a shell must not show errors at each Tab.
"""

from collections.abc import Callable, Iterable

from tuner.options.option import Values

#: So many runs are offered, the newest first.
_RUNS = 50


def words(*known: str) -> Values:
    """These words."""
    return lambda: known


def _quietly(find: Callable[[], Iterable[str]]) -> Values:
    def values() -> list[str]:
        try:
            return list(find())
        except Exception:
            return []

    return values


@_quietly
def demos() -> Iterable[str]:
    """The bundled examples as targets."""
    from tuner.targets.names import DEMOS

    return (f"demo:{name}" for name in DEMOS)


@_quietly
def profiles() -> Iterable[str]:
    """The load profiles that can be named here."""
    from tuner.engine.profiles.profile_file import profile_names

    return profile_names()


@_quietly
def events() -> Iterable[str]:
    """The event templates that can be named here."""
    from tuner.engine.profiles.events import event_names

    return event_names()


@_quietly
def runs() -> Iterable[str]:
    """Stored runs by id, of the store that the environment names."""
    import os

    from tuner.store.runs import Store

    with Store.open(os.environ.get("TUNER_STORE"), create=False) as store:
        return ["last", *(run.run for run in store.runs(_RUNS))]


@_quietly
def aws_profiles() -> Iterable[str]:
    """The profiles of the AWS configuration."""
    from tuner.aws.session import profile_names

    return profile_names()


@_quietly
def suite_cases() -> Iterable[str]:
    """The cases of the suite in tuner.toml."""
    import tomllib
    from pathlib import Path

    table = tomllib.loads(Path("tuner.toml").read_text(encoding="utf-8"))
    return [str(case["name"]) for case in table.get("case", [])]
