"""``tuner.toml`` is of whoever wrote the folder: what it names is run only if the user lets it.

The options' declarations say which keys run code, or send or write something elsewhere, and of
which values (``tuner.options.risk``). The user confirms them once per file and content: what was
confirmed is kept in the user's configuration, as a hash by the path of the file. As direnv and the
``safe.directory`` of git do. A stored run may have come with the folder, too: what it names is
used again where this user began it on this machine, which a seal in the store shows.
"""

import hashlib
import json
import os
import tomllib
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.aws.seal import sealed, take_seal
from tuner.errors import TunerError, UsageError
from tuner.files import SETTINGS_BYTES, read_bytes, read_text
from tuner.options.every import every_option
from tuner.options.option import Option, key_of
from tuner.options.risk import outside
from tuner.targets.names import Kind, parse_target

if TYPE_CHECKING:
    from tuner.records import RunRecord
    from tuner.store.exchange import StoredRun
    from tuner.store.runs import Store

#: The document that shows who began a run that names something.
BEGUN = "begun"
_FILES = "files"


@dataclass(frozen=True)
class Named:
    """A key that a file may set only if the user lets it, and what its value does."""

    place: str  # its table
    key: str  # as it is written
    value: Any
    does: str
    options: frozenset[str] = frozenset()  # what is so written, by the keys of today

    @property
    def of_suite(self) -> bool:
        """True if a suite has it, and not the defaults of options."""
        return not self.place.startswith("defaults")

    def __str__(self) -> str:
        where = f" ({self.place})" if self.place not in ("", "defaults") else ""
        return f"{self.key} = {self.value!r}{where}, which {self.does}"


def named_in(path: Path) -> tuple[Named, ...]:
    """Everything in a file that needs the user's word; nothing of what is no TOML, or not there.

    Raises UsageError if it cannot be read.
    """
    if not os.path.lexists(path):
        return ()
    text = read_text(path, most=SETTINGS_BYTES, plain=True)
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return ()
    risky = _risky()
    targets = list(_targets(document))
    on_aws = any(_on_aws(target) for _, target in targets)
    found = [
        Named(place, "target", target, does) for place, target in targets if (does := _code(target))
    ]
    for place, table in _tables(document):
        for written, value in table.items():
            key = key_of(str(written))
            meant = {each.key: does for each in risky.get(key, ()) if (does := each.risks(value))}
            # On this machine it is as the rest of it; defaults are of any suite, too.
            here = not on_aws and key == "against" and not place.startswith("defaults")
            if meant and not here:
                does = next(iter(meant.values()))
                found.append(Named(place, key, value, does, frozenset(meant)))
    return tuple(found)


def untrusted(path: Path, used: Callable[[Named], bool]) -> tuple[Named, ...]:
    """What a file names and the user has not allowed, where something of it is ``used``; that is
    first.
    """
    named = named_in(path)
    if not any(map(used, named)) or os.environ.get("TUNER_TRUST") == "1":
        return ()
    if _kept().get(str(path.resolve())) == _hash(named):
        return ()
    return tuple(sorted(named, key=lambda each: not used(each)))


def refusal(path: Path, named: tuple[Named, ...]) -> UsageError:
    """The error that says what a file names."""
    more = f" (and {len(named) - 1} more)" if len(named) > 1 else ""
    other = "" if path == Path("tuner.toml") else f" --suite {path}"
    fix = f"Run `tuner trust{other}` to allow it, or leave it out; TUNER_TRUST=1 in CI."
    return UsageError(str(path), f"names {named[0]!s:.300}{more}.", fix)


def refuse_untrusted(path: Path, used: Callable[[Named], bool]) -> None:
    """Raise UsageError for what the user has not allowed."""
    if named := untrusted(path, used):
        raise refusal(path, named)


def begin(store: "Store", run: "RunRecord") -> None:
    """Seal what a run names, so that it may be used again."""
    if content := _named_by(run):
        store.save_document(run.run, BEGUN, {"seal": sealed(content).get("seal")})


def refuse_foreign(stored: "StoredRun", used: Collection[str] | None = None) -> None:
    """Raise UsageError if a run names what it should not, of the options ``used`` (``None``: all),
    and this user did not begin it on this machine."""
    content = _named_by(stored.run)
    named = [key for key in content.get("named", {}) if used is None or key in used]
    seal = stored.documents.get(BEGUN, {}).get("seal")
    if not named or os.environ.get("TUNER_TRUST") == "1" or take_seal({**content, "seal": seal}):
        return
    does = content["named"][named[0]]
    what = f"{named[0]} = {stored.run.options[named[0]]!r:.200}, which {does}"
    reason = f"names {what}, and you did not begin it on this machine"
    fix = "Begin a run of your own, or set TUNER_TRUST=1 if you know that it is right."
    raise UsageError(f"run {stored.run.run}", reason, fix)


def _named_by(run: "RunRecord") -> dict[str, Any]:
    """The options of a run that need the user's word, with what each does, and of which run."""
    risky = _risky()
    named = {
        key: does
        for key, value in run.options.items()
        for each in risky.get(key, ())[:1]
        if (does := each.risks(value))
    }
    values = {key: run.options[key] for key in named}
    return {"run": run.run, "named": named, "values": values} if named else {}


def trust(path: Path, named: tuple[Named, ...]) -> None:
    """Let a file do what it names, as long as it names just that."""
    _keep({**_kept(), str(path.resolve()): _hash(named)})


def revoke(path: Path) -> bool:
    """Let it do so no longer; false if it was not allowed to."""
    kept = _kept()
    was = kept.pop(str(path.resolve()), None)
    if was is not None:
        _keep(kept)
    return was is not None


def is_trusted(path: Path, named: tuple[Named, ...]) -> bool:
    """Return whether the user has allowed just this."""
    return _kept().get(str(path.resolve())) == _hash(named)


def _risky() -> dict[str, list[Option[Any, Any]]]:
    """All options with a risk, by what may be written for them in a file."""
    found: dict[str, list[Option[Any, Any]]] = {}
    for each in every_option():
        if each.about.risk:
            for written in {each.key, each.name, *map(key_of, each.about.was)}:
                found.setdefault(written, []).append(each)
    return found


def _tables(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tables that have options, with what they are called."""
    for name in ("suite", "defaults"):
        yield name, _table(document.get(name))
    for name in ("defaults", "environments"):
        for inner, table in _table(document.get(name)).items():
            yield f"{name}.{inner}"[:60], _table(table)
    for case in _cases(document):
        yield _of_case(case), case


def _cases(document: dict[str, Any]) -> list[dict[str, Any]]:
    listed = document.get("case")
    return [_table(case) for case in listed] if isinstance(listed, list) else []


def _targets(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The targets of cases, with the tables that they are in."""
    for case in _cases(document):
        yield _of_case(case), case.get("target")
    for name, environment in _table(document.get("environments")).items():
        for target in _table(_table(environment).get("targets")).values():
            yield f"environments.{name}"[:60], target


def _of_case(case: dict[str, Any]) -> str:
    return f"case {case.get('name')!r:.60}"


def _code(target: Any) -> str:
    """What a target does that is code of another folder; nothing of any other."""
    with suppress(UsageError):
        name = parse_target(str(target))
        return outside("is code of another folder")(name.path) if name.kind is Kind.LOCAL else ""
    return ""


def _on_aws(target: Any) -> bool:
    try:
        return parse_target(str(target)).kind is Kind.AWS
    except UsageError:
        return True


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _hash(named: tuple[Named, ...]) -> str:
    texts = sorted(json.dumps([n.place, n.key, n.value], default=str) for n in named)
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def _file() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "tuner" / "trusted.json"


def _kept() -> dict[str, str]:
    """Hashes by the paths of files; nothing where that cannot be read."""
    try:
        return {**_table(_table(json.loads(read_bytes(_file(), plain=True))).get(_FILES))}
    except (OSError, ValueError, RuntimeError):
        return {}


def _keep(files: dict[str, str]) -> None:
    text = json.dumps({"schema": "tuner.trust/1", _FILES: files}, indent=2)
    try:
        path = _file()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(f"{text}\n")
        new.replace(path)
    except (OSError, RuntimeError) as error:
        fix = "TUNER_TRUST=1 allows it for one command."
        why = getattr(error, "strerror", None) or "there is no home directory"
        raise TunerError("what you trust", f"cannot be kept: {why}", fix) from None
