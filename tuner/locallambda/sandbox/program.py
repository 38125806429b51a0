"""What a sandbox starts: a program, and what it needs around itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Program:
    """An argv; ``keep`` are directories that it needs even where what holds them is hidden.

    ``var`` are directories to show below /var by their names there. ``defaults`` are variables
    that a function may set otherwise, ``reserved`` those that it may not.
    """

    argv: Sequence[str]
    keep: Sequence[str] = ()
    var: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    reserved: Mapping[str, str] = field(default_factory=dict)
