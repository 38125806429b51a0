"""Reads a suite from ``tuner.toml``, with every complaint at once: file, key, reason.

Nothing is opened but the file itself and what it names beside it (load profiles). Raises only
:class:`tuner.errors.UsageError`.
"""

import json
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tuner.engine.profiles.values import Values, shown
from tuner.errors import TunerError, UsageError
from tuner.files import SETTINGS_BYTES, read_text
from tuner.options.calls import Payloads
from tuner.options.function import Architectures, FunctionOptions
from tuner.options.option import options_of
from tuner.options.settings import mistakes
from tuner.options.size_load import with_profile
from tuner.options.sweep import SizeLoads, SweepOptions
from tuner.suites.gate import Gate, parse_gates
from tuner.suites.suite import MOST, Case, Environment, Overlap, Suite
from tuner.targets.choices import Isolation
from tuner.targets.names import Kind, parse_target
from tuner.units import counted, parse_memory

#: Where suites and defaults of options are looked for.
DEFAULT = Path("tuner.toml")
_FIX = "`tuner bench init` writes a suite with every key explained."

_SUITE = {
    "name", "gates", "tags", "most", "cold", "control", "confidence", "baseline_branch",
    "overlap", "wait", "warn_only", "against",
}  # fmt: skip
#: Options of a sweep that are a text each, with the same names.
CASE_OPTIONS = {
    name: each
    for of in (FunctionOptions, Architectures, Payloads, SizeLoads)
    for name, each in options_of(of).items()
}
CASE_TABLES = ("env", "parameter", "where")
_TEXTS = [name for name in CASE_OPTIONS if name not in (*CASE_TABLES, "max_concurrency")]
_CASE = {
    "name", "target", "tags", "sizes", "gates", "slo", "most", "cold", "against", "control",
    *CASE_OPTIONS,
}  # fmt: skip
ENVIRONMENT = ("region", "profile", "endpoint_url", "assume_role", "cpu", "isolation")
_MOST_CALLS = 100_000


def read_suite(path: Path = DEFAULT) -> Suite:
    """Read and check the whole file."""
    if not path.exists():
        fix = "`tuner bench init TARGET` writes one, or name another with --suite."
        raise UsageError(str(path), "there is no such file", fix)
    return parse_suite(read_text(path, None, _FIX, SETTINGS_BYTES, plain=True), path)


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


class _Reader(Values):
    """Reads tables into a suite; a bad value is a complaint and has its default."""

    def __init__(self) -> None:
        super().__init__({})

    def suite(self, table: dict[str, Any], path: Path) -> Suite:
        own = self._table(table, "suite")
        self.complaints += mistakes(table)
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
            environments=self._environments(self._table(table, "environments"), names),
            confidence=self._checked("suite: ", own, "confidence", 0.99, _CONFIDENCE),
            baseline_branch=self.text(own, "baseline_branch", "main"),
            overlap=Overlap(self.choice(own, "overlap", tuple(Overlap)) or Overlap.WAIT),
            wait_s=self.seconds(own, "wait", "suite: ", 1800.0),
            warn_only=self._flag(own, "warn_only", False, "suite: "),
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
            tags=self._texts(shared, "tags", "suite: ") + self._texts(entry, "tags", where),
            most=most,
            cold=self._checked(where, both, "cold", None, _COUNT),
            against=self._text(both, "against", where),
            control=self._flag(both, "control", True, where),
        )

    def _gates(self, both: dict[str, Any], where: str) -> tuple[Gate, ...]:
        texts = (*self._texts(both, "gates", where), *self._texts(both, "slo", where))
        gates, complaints = parse_gates(texts, "gate")
        for complaint in complaints:
            fix = f"; {complaint.fix}" if complaint.fix else ""
            self.complain(f"{where}{complaint.thing} {complaint.reason}{fix}".rstrip("."))
        if not texts:
            self.complain(f'{where}gates are missing, such as gates = ["p95 +10%"]')
        return tuple(gates)

    def _options(self, entry: dict[str, Any], where: str) -> SweepOptions | None:
        """The options of the case; ``None`` where they cannot be had at all."""
        target = self._text(entry, "target", where)
        if not target:
            self.complain(f'{where}target is missing, such as target = "local:src"')
            return None
        texts = ((key, self._text(entry, key, where)) for key in _TEXTS)
        given: dict[str, Any] = {key: text for key, text in texts if text is not None}
        for key in CASE_TABLES:
            given[key] = tuple(f"{k}={v}" for k, v in self._table(entry, key, where).items())
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
            reason = "measures one size at a time, so calls cannot be interleaved"
            self.complain(f"{where}isolation 'in-place' {reason}")

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
            self.unknown(table, {*ENVIRONMENT, "targets"}, where)
            options: dict[str, Any] = {
                k: v for k in ENVIRONMENT if (v := self._text(table, k, where)) is not None
            }
            try:
                self._check(SweepOptions(target="demo:cpu", **options), where)
            except UsageError as error:
                self.complain(f"{where}{error.thing}: {error.reason}")
            targets = self._targets(self._table(table, "targets", where), cases, where)
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

    def _checked(
        self, where: str, table: dict[str, Any], key: str, default: Any, rule: "_Rule"
    ) -> Any:
        """A value that its rule accepts; otherwise a complaint, and the default."""
        value, (good, otherwise) = table.get(key, default), rule
        if value is default or good(value):
            return value
        self.complain(f"{where}{key} {shown(value)} {otherwise}")
        return default

    def _table(self, table: dict[str, Any], key: str, where: str = "") -> dict[str, Any]:
        return dict(self._checked(where, table, key, {}, _TABLE))

    def _text(self, table: dict[str, Any], key: str, where: str) -> str | None:
        if key == "rate" and _is_a((int, float), table.get(key)):
            return str(table[key])
        if key == "payload" and isinstance(table.get(key), dict | list):  # TOML needs no quoting
            return json.dumps(table[key], default=str)
        text: str | None = self._checked(where, table, key, None, _TEXT)
        return text

    def _flag(self, table: dict[str, Any], key: str, default: bool, where: str) -> bool:
        return bool(self._checked(where, table, key, default, _FLAG))

    def _texts(self, table: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
        return tuple(self._checked(where, table, key, [], _LIST))


def _is_a(kind: type | tuple[type, ...], value: Any) -> bool:
    """True for a value of a kind; TOML's true and false are no numbers."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


#: What a value has to be, and what is said if it is not.
_Rule = tuple[Callable[[Any], bool], str]
_TABLE: _Rule = partial(_is_a, dict), "is not a table"
_TEXT: _Rule = partial(_is_a, str), "is not text"
_FLAG: _Rule = partial(_is_a, bool), "is neither true nor false"
_LIST: _Rule = (
    lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    "is not a list of texts",
)
_COUNT: _Rule = (
    lambda value: _is_a(int, value) and 0 <= value <= 10_000,
    "is not a number from 0 to 10,000",
)
_CONFIDENCE: _Rule = (
    lambda value: _is_a((int, float), value) and 0.5 <= value < 1.0,
    "is not from 0.5 to below 1",
)
