"""What a sandbox starts: a program, and what it needs around itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

RUNTIME_ROOT = "/var/runtime"
#: Where AWS's system has libraries. Interpreters of this machine are started without these folders,
#: which may hold others than theirs, and name them before they call a handler.
AWS_LIBRARIES = f"/var/lang/lib:/lib64:/usr/lib64:{RUNTIME_ROOT}:{RUNTIME_ROOT}/lib"


@dataclass(frozen=True)
class Program:
    """An argv; ``keep`` are directories that it needs even where what holds them is hidden.

    ``var`` is what to show below /var by its names there, a parent first, ``empty`` are directories
    to show without what is in them. ``defaults`` are variables that a function may set otherwise,
    ``reserved`` those that it may not.
    """

    argv: Sequence[str]
    keep: Sequence[str] = ()
    var: Mapping[str, str] = field(default_factory=dict)
    empty: Sequence[str] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    reserved: Mapping[str, str] = field(default_factory=dict)
