"""Machine code in packages: told by the headers of ELF files."""

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.aws.package import built_for_another, machine_of, native_files


def elf(machine: int, order: str = "<") -> bytes:
    endian = 1 if order == "<" else 2
    return b"\x7fELF" + bytes([2, endian, 1]) + bytes(9) + struct.pack(f"{order}HH", 3, machine)


X86, ARM, RISCV = elf(0x3E), elf(0xB7), elf(0xF3)


def package(**files: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return written.getvalue()


def test_the_header_tells_the_machine_whatever_the_order_of_bytes() -> None:
    assert machine_of(X86) == "x86_64"
    assert machine_of(ARM) == "arm64"
    assert machine_of(elf(0xB7, ">")) == "arm64"
    assert machine_of(RISCV) is None
    assert machine_of(b"#!/bin/sh\nexec python3 app.py\n") is None


def test_python_and_text_are_for_every_architecture() -> None:
    assert built_for_another(package(app=b"def handler(e, c): ..."), "arm64") is None


def test_code_for_one_architecture_alone_is_told_with_a_file_that_shows_it() -> None:
    reason = built_for_another(package(app=b"", bootstrap=X86), "arm64")
    assert reason == "its package has a file built for x86_64 and none for arm64 (bootstrap)"
    assert built_for_another(package(bootstrap=X86), "x86_64") is None
    assert built_for_another(package(a=ARM, b=ARM), "x86_64") == (
        "its package has 2 files built for arm64 and none for x86_64 (a)"
    )


def test_a_package_with_code_for_both_picks_its_own() -> None:
    both = package(x64=X86, arm64=ARM)
    assert native_files(both) == {"x86_64": ["x64"], "arm64": ["arm64"]}
    assert built_for_another(both, "arm64") is None


@given(
    st.dictionaries(st.from_regex("[a-z]{1,8}", fullmatch=True), st.sampled_from([X86, ARM, b""]))
)
def test_every_file_is_found_under_its_machine(files: dict[str, bytes]) -> None:
    found = native_files(package(**files))
    assert {arch: sorted(names) for arch, names in found.items()} == {
        arch: sorted(name for name, content in files.items() if content == code)
        for arch, code in (("x86_64", X86), ("arm64", ARM))
        if code in files.values()
    }


@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_bytes_are_more_than_a_package_without_machine_code(noise: bytes, at: int) -> None:
    whole = package(bootstrap=X86)
    for broken in (noise, whole[:at], whole[:at] + noise + whole[at:]):
        assert built_for_another(broken, "arm64") in (
            None,
            "its package has a file built for x86_64 and none for arm64 (bootstrap)",
        )


@pytest.mark.parametrize("length", range(20))
def test_a_header_that_is_cut_off_tells_nothing(length: int) -> None:
    assert machine_of(X86[:length]) is None
