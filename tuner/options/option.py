"""One option, declared once; everything else that knows options is derived from this.

A command's options are a class of :class:`Options`. Each of its fields is an :class:`Option`, with
two types: what may be written for it (a text, a number), and the value that it is read into when
the object is made. So a text is read once, at the border, and code behind it sees values only.
From the same field come the keyword argument in Python (mypy knows ``__init__`` with what may be
written), the command line's parameter (``tuner.cli.command``), the key in tuner.toml, what a run
stores, and the reference in the documentation.

The classes are as frozen dataclasses are, without the code that ``dataclass`` generates for each:
that would take a third of a second of every command.
"""

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import FrozenInstanceError, dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, dataclass_transform, overload

from tuner.errors import UsageError
from tuner.options.risk import Risk

V = TypeVar("V")  # the value that is read
W = TypeVar("W")  # what may be written

#: Values that a shell may complete: these, or the name of a kind (``tuner.api.completion``).
Values = tuple[str, ...] | str
_MISSING: Any = object()


@dataclass(frozen=True)
class Kind(Generic[V, W]):
    """How one kind of option is written: ``read`` makes the value of what was written for a flag,
    ``store`` what a run keeps of it. ``word`` is the type of one word on the command line.
    """

    read: Callable[[W, str], V]
    empty: Any  # what is written where nothing is
    word: type = str
    many: bool = False
    store: Callable[[V], Any] = lambda value: value
    words: tuple[str, ...] = ()  # where only a few may be written
    example: str = "TEXT"

    def optional(self) -> "Kind[V | None, W | None]":
        """The same kind for an option that may be left out: ``None`` is read as it is."""
        read, store = self.read, self.store
        return Kind(
            read=lambda written, flag: None if written is None else read(written, flag),
            empty=None,
            word=self.word,
            many=self.many,
            store=lambda value: None if value is None else store(value),
            words=self.words,
            example=self.example,
        )


@dataclass(frozen=True)
class About:
    """Everything that is said of an option, and where it is left out."""

    text: str
    panel: str = ""
    metavar: str | None = None
    flag: str = ""  # where it is not made of the field's name; "--a/--no-a" for a pair
    letter: str = ""
    least: float | None = None
    most: float | None = None
    envvar: str | None = None
    was: tuple[str, ...] = ()  # former spellings, which still work
    values: Values | None = None
    secret: bool = False  # what a run keeps does not tell it
    store: Callable[[Any], Any] | None = None  # in place of the kind's
    kept: bool = True  # a run keeps it
    each_time: bool = False  # must be decided each time: no default in tuner.toml
    risk: Risk | None = None  # what it can do where somebody else wrote it into tuner.toml
    required: bool = False  # on the command line
    internal: bool = False  # not for users
    targets: tuple[str, ...] = ()  # kinds of targets that it means anything for; none: all
    goes_with: tuple[str, str] | None = None  # another option and the value that it needs of it


class Option(Generic[V, W]):
    """An option; see the module. Made by :func:`option`."""

    name: str  # of the field

    def __init__(self, kind: Kind[V, W], default: W, about: About) -> None:
        self.kind, self.default, self.about = kind, default, about
        self.text, self.internal = about.text, about.internal

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    if TYPE_CHECKING:

        @overload
        def __get__(self, obj: None, owner: type) -> Self: ...
        @overload
        def __get__(self, obj: object, owner: type) -> V: ...
        def __get__(self, obj: object | None, owner: type) -> V | Self: ...
        def __set__(self, obj: object, written: W) -> None: ...

    def belongs(self, panel: str, kept: bool) -> None:
        """Take over what the class that declares the option says of all of its options."""
        about = self.about
        self.about = replace(about, panel=about.panel or panel, kept=about.kept and kept)

    @property
    def values(self) -> Values | None:
        """The values that a shell may complete."""
        return self.about.values or self.kind.words or None

    @property
    def flag(self) -> str:
        """As on the command line: ``--max-cost``."""
        return self.about.flag or f"--{self.name.replace('_', '-')}"

    @property
    def key(self) -> str:
        """As in tuner.toml: ``max_cost``."""
        return key_of(self.flag.partition("/")[0])

    def value(self, written: W) -> V:
        """Read what was written; raises UsageError."""
        flag = self.flag.partition("/")[0]
        found = self.kind.read(written, flag)
        low, high = self.about.least, self.about.most
        if isinstance(found, int | float) and not isinstance(found, bool):
            if low is not None and found < low:
                raise UsageError(f"{flag} {found}", f"is below {low:g}", f"Give {low:g} or more.")
            if high is not None and found > high:
                raise UsageError(f"{flag} {found}", f"is above {high:g}", f"Give at most {high:g}.")
        return found

    def risks(self, written: Any) -> str:
        """Return what this value of a ``tuner.toml`` can do, in a few words; "" if nothing bad."""
        risk = self.about.risk
        wrong = written is True and self.kind.word is not bool  # of another option of this name
        if risk is None or written in (0, ()) or wrong:
            return ""
        each = written if isinstance(written, list | tuple) else (written,)
        return next((does for value in each if (does := risk(str(value)))), "")

    def stored(self, value: V) -> Any:
        """Return what a run keeps of the value, in JSON's types."""
        return (self.about.store or self.kind.store)(value)


@dataclass(frozen=True)
class Argument:
    """A positional argument. ``word`` is the type of one word on the command line."""

    text: str
    metavar: str
    values: Values | None = None
    word: type = str
    many: bool = False
    default: Any = _MISSING
    required: bool = True  # on the command line
    internal = False

    @property
    def optional(self) -> bool:
        """True if Python's callers may leave it out."""
        return self.default is not _MISSING

    def value(self, written: Any) -> Any:
        """Read what was written."""
        if self.many:
            return tuple(written or ())
        return written if written is None else self.word(written)


def option(
    kind: Kind[V, W],
    text: str,
    default: W = _MISSING,
    **about: Any,
) -> Option[V, W]:
    """Declare an option of this kind; further keywords are those of :class:`About`."""
    written = kind.empty if default is _MISSING else default
    return Option(kind, written, About(text, **about))


def positional(argument: Argument, *, kw_only: bool = False, default: Any = _MISSING) -> Any:
    """Declare a positional argument; ``kw_only=False`` is written out for mypy's sake."""
    assert not kw_only
    return argument if default is _MISSING else replace(argument, default=default)


def again(declared: Option[V, W], text: str = "") -> Option[V, W]:
    """The same option for another class, which may say more about it."""
    about = declared.about
    return Option(
        declared.kind, declared.default, replace(about, text=text or about.text, panel="")
    )


def maybe(declared: Option[V, W]) -> Option[V | None, W | None]:
    """The same option where nothing written means that nothing is said."""
    return Option(declared.kind.optional(), None, declared.about)


def unshown(declared: Option[V, W]) -> Option[V, W]:
    """The same option where users of a command cannot give it."""
    return Option(declared.kind, declared.default, replace(declared.about, internal=True))


Member = Option[Any, Any] | Argument


@dataclass_transform(kw_only_default=True, field_specifiers=(positional,))
class Options:
    """A class of options, as a frozen dataclass: its fields are those of its bases and its own.

    ``panel`` is where help shows the options that a class declares; ``kept`` whether runs keep
    them.
    """

    _members: Mapping[str, Member] = {}

    def __init_subclass__(cls, panel: str = "", kept: bool = True) -> None:
        for each in vars(cls).values():
            if isinstance(each, Option):
                each.belongs(panel, kept)
        own: dict[str, Member] = {}
        for part in reversed(cls.__mro__):
            own |= {k: v for k, v in vars(part).items() if isinstance(v, Option | Argument)}
        cls._members = own

    def __init__(self, *words: Any, **given: Any) -> None:
        made = f"{type(self).__name__}()"
        names = [name for name, each in self._members.items() if isinstance(each, Argument)]
        if len(words) > len(names):
            raise TypeError(f"{made} takes {len(names)} positional arguments, not {len(words)}")
        for name, word in zip(names, words, strict=False):
            if name in given:
                raise TypeError(f"{made} got multiple values for argument {name!r}")
            given[name] = word
        for name in given.keys() - self._members.keys():
            raise TypeError(f"{made} got an unexpected keyword argument {name!r}")
        for name, each in self._members.items():
            written = given.get(name, each.default)
            if written is _MISSING:
                raise TypeError(f"{made} missing the argument {name!r}")
            self.__dict__[name] = each.value(written)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Refuse what does not go together; raises UsageError."""

    def __setattr__(self, name: str, _value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__[name] for name in self._members))

    def __repr__(self) -> str:
        said = [f"{n}={self.__dict__[n]!r}" for n, e in self._members.items() if self._says(n, e)]
        return f"{type(self).__name__}({', '.join(said)})"

    def _says(self, name: str, each: Member) -> bool:
        return each.default is _MISSING or self.__dict__[name] not in (each.default, None, ())

    @classmethod
    def check_written(cls, written: Mapping[str, Any]) -> None:
        """Refuse what a user wrote for a command, or a function, and would change nothing there.

        Raises UsageError. Defaults of tuner.toml are for all commands and not among it.
        """

    def unused(self, written: Mapping[str, Any]) -> Iterator[str]:
        """Say what was written and changes nothing beside other options."""
        for name, each in options_of(type(self)).items():
            if name in written and each.about.goes_with is not None:
                other, value = each.about.goes_with
                if getattr(self, other) not in (value, None):
                    flag = options_of(type(self))[other].flag
                    yield f"{each.flag} changes nothing without {flag} {value}"

    @classmethod
    def made(cls, *words: Any, **given: Any) -> Self:
        """Return the options that users wrote; a class may complete them."""
        return cls(*words, **given)

    def but(self, **changes: Any) -> Self:
        """The same options with some changed, which may be written or values."""
        return type(self)(**{**self.values(), **changes})

    @classmethod
    def members(cls) -> Mapping[str, Member]:
        """All fields by name, as they are declared."""
        return cls._members

    @classmethod
    def names(cls) -> Set[str]:
        """The names of all fields."""
        return cls._members.keys()

    def values(self) -> dict[str, Any]:
        """All values by the names of fields."""
        return {name: self.__dict__[name] for name in self._members}

    def stored(self) -> dict[str, Any]:
        """The options as a run keeps them, in JSON's types; what is empty is left out.

        Secrets are not in it: of variables and headers only the names, payloads by hash.
        """
        kept = {}
        for name, each in self._members.items():
            value = self.__dict__[name]
            if isinstance(each, Argument):
                kept[name] = value
            elif each.about.kept:
                kept[name] = each.stored(value)
        return {name: value for name, value in kept.items() if value not in (None, (), [])}


def options_of(of: type[Options]) -> dict[str, Option[Any, Any]]:
    """The options of a class by the names of its fields, as they are declared."""
    return {name: each for name, each in of.members().items() if isinstance(each, Option)}


def key_of(written: str) -> str:
    """A key of tuner.toml, or a former flag, as keys are declared."""
    return written.removeprefix("--").replace("-", "_")


def arguments_of(of: type[Options]) -> dict[str, Argument]:
    """The positional arguments of a class by the names of its fields."""
    return {name: each for name, each in of.members().items() if isinstance(each, Argument)}
