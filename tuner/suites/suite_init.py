"""Writes a first suite: a case for each function that is named or found in a template.

SAM and CloudFormation templates become ``local:`` targets, a ``serverless.yml`` the names that its
functions are deployed under. Every key is explained in the file itself. An existing file is never
overwritten.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.clock import WallClock
from tuner.errors import NotFound, UsageError, unwritable
from tuner.options.sweep import SweepOptions
from tuner.suites.suite_file import parse_suite
from tuner.targets.names import TEMPLATES, Kind, parse_target

_SERVERLESS = re.compile(r"serverless(\.\w+)*\.ya?ml")
_VARIABLE = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True)
class Found:
    """A function to write a case for; ``about`` is what its comment says."""

    name: str
    target: str
    sizes_mb: tuple[int, ...] = ()
    about: str = ""


def write_suite(source: str, path: Path, **place: str | None) -> list[str]:
    """Write the suite; gives the names of its cases. Raises UsageError, NotFound, TargetError.

    ``place`` are the options that say where functions are: region, profile, endpoint_url.
    """
    if path.exists():
        fix = "Edit it, or write another file with --suite."
        raise UsageError(str(path), "already exists and is not overwritten", fix)
    options: dict[str, Any] = {"target": source, **place}
    found = _functions(source, SweepOptions(**options))
    text = suite_text(found, **place)
    parse_suite(text, path)  # what we write can be read
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise unwritable(str(path), error) from None
    return [one.name for one in found]


def suite_text(found: list[Found], **place: str | None) -> str:
    """The file's text."""
    where = "".join(f"{k} = {_quoted(v)}\n" for k, v in place.items() if v is not None)
    return _HEAD + "".join(_case(one, where) for one in found) + _TAIL


def _functions(source: str, options: SweepOptions) -> list[Found]:
    file = Path(source)
    if file.suffix in TEMPLATES and ":" not in source:
        if _SERVERLESS.fullmatch(file.name):
            return _of_serverless(file)
        return _of_template(file)
    if file.exists() and ":" not in source:
        return _functions(f"local:{source}", options.but(target=f"local:{source}"))
    name = parse_target(source)
    if name.kind is Kind.LOCAL and Path(name.path).suffix in TEMPLATES:
        return _of_template(Path(name.path), name.logical_id)
    return [_of_target(source, options)]


def _of_target(source: str, options: SweepOptions) -> Found:
    """A single function, which has to be there."""
    from tuner.experiment.wiring import open_target

    name = parse_target(source)
    if name.kind is Kind.LOCAL:
        from tuner.targets.package import read_package

        read_package(Path(name.path).expanduser())
        return Found(_plain(Path(name.path).resolve().stem), source, (512,))
    if name.kind is Kind.DEMO:
        return Found(name.demo, source, (512,))
    target = open_target(options, lambda _text: None, WallClock())
    try:
        facts = target.describe()
    finally:
        target.close()
    if name.kind is Kind.REPLAY:
        return Found(_plain(Path(name.path).stem), source, facts.recorded_mb[:1])
    about = f"{facts.runtime or facts.package}, {facts.arch}, currently {facts.memory_mb} MB"
    return Found(_plain(facts.name), source, (), about)


def _of_template(path: Path, logical_id: str | None = None) -> list[Found]:
    from tuner.targets.sam import function_names, read_template

    names = function_names(path) if logical_id is None else [logical_id]
    if not names:
        raise NotFound(str(path), "has no function", "Name another template, or a function.")
    found = []
    for name in names:
        function = read_template(path, name)
        sizes = (function.memory_mb,) if function.memory_mb else ()
        about = f"{function.runtime or 'no runtime'}, runs on the local Lambda"
        found.append(Found(_plain(name), f"local:{path}#{name}", sizes, about))
    return found


def _of_serverless(path: Path) -> list[Found]:
    from tuner.targets.yaml_nodes import read_yaml

    table = read_yaml(path)
    functions, provider = table.get("functions"), table.get("provider") or {}
    if not isinstance(functions, dict) or not functions or not isinstance(provider, dict):
        raise NotFound(str(path), "has no functions", "Name another file, or a function.")
    service = table.get("service")
    service = service.get("name") if isinstance(service, dict) else service
    stage = _settled(provider.get("stage"), "dev")
    found = []
    for key, entry in functions.items():
        function = entry if isinstance(entry, dict) else {}
        usual = f"{_settled(service, 'service')}-{stage}-{key}"
        name = _settled(function.get("name"), usual)
        about = f"deployed by serverless, stage {stage}; {function.get('handler', 'an image')}"
        found.append(Found(_plain(str(key)), name[:64], (), about))
    return found


def _settled(value: Any, usual: str) -> str:
    """A value with variables by their default: ``${opt:stage, 'dev'}`` is dev."""
    if not isinstance(value, str):
        return usual

    def default(match: re.Match[str]) -> str:
        last = match[0][2:-1].rpartition(",")[2].strip().strip("'\"")
        return last if re.fullmatch(r"[A-Za-z0-9_-]+", last) else usual

    return _VARIABLE.sub(default, value)


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-") or "function"


def _quoted(text: str) -> str:
    """A basic string of TOML, which is written like JSON's but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _case(one: Found, places: str) -> str:
    about = f"# {one.about}\n" if one.about else ""
    sizes = (
        f"sizes = [{', '.join(map(str, one.sizes_mb))}]"
        if one.sizes_mb
        else "# sizes = [512, 1024]          # MB; default: the function's own"
    )
    return (
        f"\n{about}[[case]]\nname = {_quoted(one.name)}\ntarget = {_quoted(one.target)}\n"
        f"{places}{sizes}\n{_CASE}"
    )


_HEAD = """\
# What `tuner bench` measures, and which changes matter. Paths are relative to the directory in
# which it runs.

[suite]
name = "default"                # baselines and history are kept under this name
# A gate names the smallest change that matters: a change of that size is found, a smaller one
# raises no alarm. p50 to p99.9 and mean are warm durations; also client_p95, cold_p95 and init.
# Objectives such as "p95<300ms" need no comparison.
gates = ["p95 +10%", "cost_per_million +5%", "errors"]
# most = 200                    # most calls per side and size; stops earlier once all is clear
# confidence = 0.99             # share of suite runs without a change that raise no alarm
# control = true                # also call an unchanging handler, a witness of platform drift
# baseline_branch = "main"      # its baseline serves branches that have none of their own
# overlap = "wait"              # while another run is in progress: "wait" (up to `wait`) or "leave"
# wait = "30m"
# warn_only = false             # true: report regressions, but exit with 0
"""

_CASE = """\
# tags = ["nightly"]            # select it with `tuner bench --tag nightly`
# gates = ["p99 +20%"]          # replaces the suite's gates; "init +20%" forces cold starts
# cold = 40                     # cold starts to force per side
# payload = '{"order": 1}'      # JSON or "@event.json"; also payloads, event
# against = "git:main"          # always compare with this version, package or revision in one run
# profile_load = "steady"       # a load instead of single calls; also rate, duration
# architectures = "both"        # each judged by itself, on temporary copies of both versions
"""

_TAIL = """
# [environments.staging]        # `tuner bench --environment staging`
# region = "eu-west-1"
# targets = { CASE = "my-function-staging" }
"""
