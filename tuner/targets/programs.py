"""Checks that a ``bootstrap`` and compiled modules can run on this machine, by their first bytes.

Knows programs of Linux (ELF) and scripts, and names those of other systems, which would fail in
each call with words that do not say so.
"""

import platform
import re
import struct
from collections.abc import Callable, Iterable

from tuner.errors import UsageError

#: e_machine of elf(5) -> what Lambda and Go call it.
_MACHINES = {
    3: ("x86", "386"),
    40: ("arm", "arm"),
    62: ("x86_64", "amd64"),
    183: ("arm64", "arm64"),
}
_HERE = {"aarch64": "arm64", "amd64": "x86_64"}
_MAC = (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_LINUX = "Build it for Linux (Go: GOOS=linux, Rust: cargo lambda build)."


#: Modules of Python and Node.js, and libraries.
_COMPILED = re.compile(r"\.(so(\.\d+)*|node)$", re.ASCII)
_ARCHITECTURE = re.compile(r"x86[_-]64|x64|amd64|aarch64|arm64|armv?\d*l?|ia32|i[36]86")
HEAD = 20  # bytes that say the machine


def foreign_modules(
    paths: Iterable[str], head: Callable[[str], bytes], machine: str | None = None
) -> list[str]:
    """The compiled modules that are for another architecture, without one for this machine beside
    them; ``head`` reads the first :data:`HEAD` bytes of a file."""
    here = _here(machine)
    kinds: dict[str, dict[str, str]] = {}
    for path in paths:
        if _COMPILED.search(path):
            data = head(path)
            if data.startswith(b"\x7fELF") and len(data) >= HEAD:
                kinds.setdefault(_ARCHITECTURE.sub("*", path), {})[_machine(data)] = path
    return sorted(path for kind in kinds.values() if here not in kind for path in kind.values())


def check_program(data: bytes, where: str, machine: str | None = None) -> None:
    """Raise UsageError unless a program may run here (``machine``: as ``uname`` has it)."""
    here = _here(machine)
    if data.startswith(_MAC) or data.startswith(b"MZ"):
        system = "Windows" if data.startswith(b"MZ") else "macOS"
        raise UsageError(where, f"bootstrap is a program for {system}", _LINUX)
    if data.startswith(b"\x7fELF"):
        _check_elf(data, where, here)
    elif data.startswith(b"#!"):
        if data.partition(b"\n")[0].endswith(b"\r"):
            fix = "Save it with the line ends of Unix."
            raise UsageError(where, "bootstrap has the line ends of Windows", fix)
    else:
        fix = "Build a program for Linux, or begin a script with #!/bin/sh."
        raise UsageError(where, "bootstrap is neither a program nor a script with #!", fix)


def _here(machine: str | None) -> str:
    machine = machine or platform.machine()
    return _HERE.get(machine.lower(), machine)


def _machine(elf: bytes) -> str:
    number = struct.unpack_from("<H" if elf[5] == 1 else ">H", elf, 18)[0]
    return _MACHINES.get(number, (f"the machine {number} of ELF", ""))[0]


def _check_elf(data: bytes, where: str, here: str) -> None:
    if len(data) < HEAD:
        raise UsageError(where, "bootstrap is a damaged program", "Build it again.")
    name = _machine(data)
    if name != here:
        go = next((go for known, go in _MACHINES.values() if known == here), here)
        fix = f"Build it for {here} (Go: GOARCH={go})."
        raise UsageError(where, f"bootstrap is a program for {name}, and this is {here}", fix)
