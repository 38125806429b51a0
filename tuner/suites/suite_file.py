"""Reads a suite from ``tuner.toml``, with every complaint at once: file, key, reason.

Nothing is opened but the file itself and what it names beside it (load profiles). Raises only
:class:`tuner.errors.UsageError`.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.engine.profiles.values import Values, shown
from tuner.errors import TunerError, UsageError
from tuner.options.calls import Payloads
from tuner.options.function import Architectures, FunctionOptions
from tuner.options.option import options_of
from tuner.options.size_load import with_profile
from tuner.options.sweep import SizeLoads, SweepOptions
from tuner.report.elements import counted
from tuner.suites.gate import Gate, parse_gates
from tuner.suites.suite import MOST, Case, Environment, Overlap, Suite
from tuner.targets.choices import Isolation
from tuner.targets.names import Kind, parse_target
from tuner.units import parse_memory


class _Values(Values):
    """Reads single values of a suite's tables; a bad one is a complaint and has a default."""

    def __init__(self) -> None:
        super().__init__({})

    def table_of(self, table: dict[str, Any], key: str, where: str = "") -> dict[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            self.complain(f"{where}{key} is not a table")
            return {}
        return value

    def text_of(self, table: dict[str, Any], key: str, where: str) -> str | None:
        value = table.get(key)
        if value is None or isinstance(value, str):
            return value
        if key == "rate" and isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if key != "payload" or not isinstance(value, dict | list):
            self.complain(f"{where}{key} {shown(value)} is not text")
        return None

    def texts_of(self, table: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.complain(f"{where}{key} {shown(value)} is not a list of texts")
            return ()
        return tuple(value)

    def flag(self, table: dict[str, Any], key: str, default: bool, where: str) -> bool:
        value = table.get(key, default)
        if not isinstance(value, bool):
            self.complain(f"{where}{key} {shown(value)} is neither true nor false")
            return default
        return value

    def count(self, table: dict[str, Any], key: str, where: str) -> int | None:
        value = table.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 10_000:
            self.complain(f"{where}{key} {shown(value)} is not a number from 0 to 10,000")
            return None
        return value

    def confidence(self, own: dict[str, Any]) -> float:
        value = own.get("confidence", 0.99)
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not 0.5 <= value < 1.0:
            self.complain(f"suite: confidence {shown(value)} is not from 0.5 to below 1")
            return 0.99
        return float(value)


#: Where suites and defaults of options are looked for.
DEFAULT = Path("tuner.toml")
_FIX = "`tuner bench init` writes a suite with every key explained."

_SUITE = {
    "name", "gates", "tags", "most", "cold", "control", "confidence", "baseline_branch",
    "overlap", "wait", "warn_only", "against",
}  # fmt: skip
#: Options of a sweep that are a text each, with the same names.
_OPTIONS = [
    name for of in (FunctionOptions, Architectures, Payloads, SizeLoads) for name in options_of(of)
]
_TEXTS = [name for name in _OPTIONS if name not in ("env", "where", "max_concurrency")]
_CASE = {
    "name", "target", "tags", "sizes", "gates", "slo", "most", "cold", "against", "control",
    *_OPTIONS,
}  # fmt: skip
_ENVIRONMENT = ("region", "profile", "endpoint_url", "assume_role", "cpu", "isolation")
_MOST_CALLS = 100_000


def read_suite(path: Path = DEFAULT) -> Suite:
    """Read and check the whole file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        fix = "`tuner bench init TARGET` writes one, or name another with --suite."
        raise UsageError(str(path), "there is no such file", fix) from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is not text"
        raise UsageError(str(path), f"cannot be read: {why}", _FIX) from None
    return parse_suite(text, path)


def parse_suite(text: str, path: Path) -> Suite:
    """Read a suite's TOML; ``path`` is named in complaints."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(str(path), f"is not TOML: {error}", _FIX) from None
    reader = _Reader()
    suite = reader.suite(table, path)
    if reader.complaints:
        lines = "\n".join(f"  {each}" for each in reader.complaints)
        head = f"has {counted(len(reader.complaints), 'mistake')}:"
        raise UsageError(str(path), f"{head}\n{lines}", _FIX)
    return suite


class _Reader(_Values):
    """Reads tables into a suite, gathering complaints."""

    def suite(self, table: dict[str, Any], path: Path) -> Suite:
        own = self.table_of(table, "suite")
        self.unknown(table, {"suite", "case", "environments", "defaults", "store"}, "")
        self.unknown(own, _SUITE, "suite: ")
        entries = table.get("case", [])
        if not isinstance(entries, list) or not entries:
            self.complain("case: there is none; write [[case]] with a name and a target")
            entries = []
        cases = [self._case(entry, number, own) for number, entry in enumerate(entries, 1)]
        names = [case.name for case in cases if case]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.complain(f"case {name!r}: the name is used {names.count(name)} times")
        return Suite(
            name=self.text(own, "name", "default"),
            path=path,
            cases=tuple(case for case in cases if case),
            environments=self._environments(self.table_of(table, "environments"), names),
            confidence=self.confidence(own),
            baseline_branch=self.text(own, "baseline_branch", "main"),
            overlap=Overlap(self.choice(own, "overlap", tuple(Overlap)) or Overlap.WAIT),
            wait_s=self.seconds(own, "wait", "suite: ", 1800.0),
            warn_only=self.flag(own, "warn_only", False, "suite: "),
        )

    def _case(self, entry: Any, number: int, shared: dict[str, Any]) -> Case | None:
        where = f"case {number}: "
        if not isinstance(entry, dict):
            self.complain(f"{where}is not a table")
            return None
        name = self.text(entry, "name", "")
        if not name:
            self.complain(f"{where}name is missing")
        else:
            where = f"case {name!r}: "
        self.unknown(entry, _CASE, where)
        both = {**{k: shared[k] for k in _CASE & shared.keys()}, **entry}
        gates = self._gates(both, where)
        options = self._options(entry, where)
        most = self.whole(both, "most", 1, _MOST_CALLS, where) if "most" in both else MOST
        if options is None:
            return None
        return Case(
            name=name,
            options=options,
            gates=gates,
            sizes_mb=self._sizes(entry, where),
            tags=self.texts_of(shared, "tags", "suite: ") + self.texts_of(entry, "tags", where),
            most=most,
            cold=self.count(both, "cold", where),
            against=self.text_of(both, "against", where),
            control=self.flag(both, "control", True, where),
        )

    def _gates(self, both: dict[str, Any], where: str) -> tuple[Gate, ...]:
        texts = (
            *self.texts_of(both, "gates", where),
            *self.texts_of(both, "slo", where),
        )
        gates, complaints = parse_gates(texts, "gate")
        for complaint in complaints:
            fix = f"; {complaint.fix}" if complaint.fix else ""
            self.complain(f"{where}{complaint.thing} {complaint.reason}{fix}".rstrip("."))
        if not texts:
            self.complain(f'{where}gates are missing, such as gates = ["p95 +10%"]')
        return tuple(gates)

    def _options(self, entry: dict[str, Any], where: str) -> SweepOptions | None:
        """The options of the case; ``None`` where they cannot be had at all."""
        target = self.text_of(entry, "target", where)
        if not target:
            self.complain(f'{where}target is missing, such as target = "local:src"')
            return None
        given: dict[str, Any] = {k: self.text_of(entry, k, where) for k in _TEXTS}
        payload = entry.get("payload")
        if isinstance(payload, dict | list):  # TOML needs no quoting
            given["payload"] = json.dumps(payload, default=str)
        given = {k: v for k, v in given.items() if v is not None}
        for key in ("env", "where"):
            given[key] = tuple(f"{k}={v}" for k, v in self.table_of(entry, key, where).items())
        if "max_concurrency" in entry:
            given["max_concurrency"] = self.whole(entry, "max_concurrency", 1, _MOST_CALLS, where)
        try:
            options = SweepOptions(target=target, method="grid", cold=0, **given)
            if parse_target(target).kind is Kind.REPLAY and "sizes" not in entry:
                self.complain(f"{where}sizes are missing; a recording has no current memory size")
            self._check(options, where)
            return with_profile(options)
        except TunerError as error:
            self.complain(f"{where}{error.thing}: {error.reason}")
            return SweepOptions(target=target)

    def _check(self, options: SweepOptions, where: str) -> None:
        if options.isolation is Isolation.IN_PLACE:
            reason = (
                "isolation 'in-place' measures one size at a time, so calls cannot be interleaved"
            )
            self.complain(f"{where}{reason}")

    def _sizes(self, entry: dict[str, Any], where: str) -> tuple[int, ...]:
        value = entry.get("sizes", [])
        listed = value if isinstance(value, list) else [value]
        try:
            sizes = parse_memory(",".join(map(str, listed)), "sizes") if listed else None
        except UsageError as error:
            self.complain(f"{where}{error.thing} {error.reason}")
            return ()
        if sizes is not None and not sizes.sizes_mb:
            self.complain(f"{where}sizes {shown(value)} is not a list, such as [512, 1024]")
        return sizes.sizes_mb or () if sizes else ()

    def _environments(self, tables: dict[str, Any], cases: list[str]) -> tuple[Environment, ...]:
        found = []
        for name, table in tables.items():
            where = f"environments.{name}: "
            if not isinstance(table, dict):
                self.complain(f"{where}is not a table")
                continue
            self.unknown(table, {*_ENVIRONMENT, "targets"}, where)
            options: dict[str, Any] = {
                k: v for k in _ENVIRONMENT if (v := self.text_of(table, k, where)) is not None
            }
            try:
                self._check(SweepOptions(target="demo:cpu", **options), where)
            except UsageError as error:
                self.complain(f"{where}{error.thing}: {error.reason}")
            targets = self._targets(self.table_of(table, "targets", where), cases, where)
            found.append(Environment(name, options, targets))
        return tuple(found)

    def _targets(self, table: dict[str, Any], cases: list[str], where: str) -> Mapping[str, str]:
        found = {}
        for case, target in table.items():
            if case not in cases:
                self.complain(f"{where}targets: there is no case {case!r}")
                continue
            try:
                parse_target(str(target))
            except UsageError as error:
                self.complain(f"{where}targets.{case}: {error.reason}")
            found[case] = str(target)
        return found
