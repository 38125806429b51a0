"""A bootstrap that cannot run on this machine is refused before anything starts."""

import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import UsageError
from tuner.targets.programs import HEAD, check_program, foreign_modules


def elf(machine: int, *, big: bool = False) -> bytes:
    """The head of a program for Linux."""
    head = b"\x7fELF\x02" + (b"\x02" if big else b"\x01") + bytes(10)
    return head + struct.pack(">HH" if big else "<HH", 2, machine) + bytes(40)


@pytest.mark.parametrize(
    ("data", "machine"),
    [
        (elf(62), "x86_64"),
        (elf(62), "AMD64"),
        (elf(183), "aarch64"),
        (elf(183), "arm64"),
        (b"#!/bin/sh\necho\r\n", "x86_64"),
    ],
)
def test_programs_of_this_machine_and_scripts_are_taken(data: bytes, machine: str) -> None:
    check_program(data, "here", machine)


def test_the_interpreter_that_runs_this_is_a_program_for_this_machine() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("needs Linux")
    check_program(Path(sys.executable).resolve().read_bytes(), "here")


ARM, X86, MAC = elf(183), elf(62), b"\xcf\xfa\xed\xfe" + bytes(40)


@pytest.mark.parametrize(
    ("files", "foreign"),
    [
        ({"a/_x.cpython-313-aarch64-linux-gnu.so": ARM}, ["a/_x.cpython-313-aarch64-linux-gnu.so"]),
        ({"a/_x.cpython-313-x86_64-linux-gnu.so": X86, "a/y.so.6.1": X86}, []),
        ({"p/linux-arm64/x.node": ARM, "p/linux-x64/x.node": X86, "p/darwin-x64/x.node": MAC}, []),
        ({"p/linux-arm64/x.node": ARM, "p/linux-x64/y.node": X86}, ["p/linux-arm64/x.node"]),
        ({"z.so.1": ARM, "bin/tool": ARM, "empty.so": b"", "text.so": b"INPUT ( libz.so.1 )"},
         ["z.so.1"]),
    ],
)  # fmt: skip
def test_modules_of_another_machine_are_named_without_one_for_this_one(
    files: dict[str, bytes], foreign: list[str]
) -> None:
    assert foreign_modules(files, lambda path: files[path][:HEAD], "x86_64") == foreign


@pytest.mark.parametrize(
    ("data", "reason", "fix"),
    [
        (elf(183), "a program for arm64, and this is x86_64", "GOARCH=amd64"),
        (elf(21, big=True), "a program for the machine 21 of ELF", "GOARCH=amd64"),
        (elf(62)[:19], "a damaged program", "Build it again"),
        (b"\xcf\xfa\xed\xfe" + bytes(40), "a program for macOS", "GOOS=linux"),
        (b"MZ" + bytes(40), "a program for Windows", "GOOS=linux"),
        (b"#!/bin/sh\r\necho\r\n", "the line ends of Windows", "of Unix"),
        (b"echo hello\n", "neither a program nor a script", "#!/bin/sh"),
        (b"", "neither a program nor a script", "#!/bin/sh"),
    ],
)
def test_what_cannot_run_is_refused_with_the_reason(data: bytes, reason: str, fix: str) -> None:
    with pytest.raises(UsageError) as refusal:
        check_program(data, "here", "x86_64")
    assert reason in refusal.value.reason
    assert fix in refusal.value.fix
    assert len(str(refusal.value).splitlines()) == 2


@given(st.one_of(st.binary(max_size=40), st.binary(max_size=20).map(b"\x7fELF".__add__)))
def test_any_bytes_are_taken_or_refused(data: bytes) -> None:
    try:
        check_program(data, "here", "x86_64")
    except UsageError as refused:
        assert "bootstrap" in refused.reason
