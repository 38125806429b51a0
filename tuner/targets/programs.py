"""Checks that a ``bootstrap`` can run on this machine, by the first bytes of the file.

Knows programs of Linux (ELF) and scripts, and names those of other systems, which would fail in
each call with words that do not say so.
"""

import platform
import struct

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


def check_program(data: bytes, where: str, machine: str | None = None) -> None:
    """Raise UsageError unless a program may run here (``machine``: as ``uname`` has it)."""
    machine = machine or platform.machine()
    here = _HERE.get(machine.lower(), machine)
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


def _check_elf(data: bytes, where: str, here: str) -> None:
    if len(data) < 20:
        raise UsageError(where, "bootstrap is a damaged program", "Build it again.")
    number = struct.unpack_from("<H" if data[5] == 1 else ">H", data, 18)[0]
    name, _ = _MACHINES.get(number, (f"the machine {number} of ELF", ""))
    if name != here:
        go = next((go for known, go in _MACHINES.values() if known == here), here)
        fix = f"Build it for {here} (Go: GOARCH={go})."
        raise UsageError(where, f"bootstrap is a program for {name}, and this is {here}", fix)
