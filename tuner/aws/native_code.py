"""Machine code in a deployment package: for which architecture it was built.

Reads the headers of ELF files in a zip, nothing else; what is loaded in the end, and what a layer
or a download adds, is not known here.
"""

import io
import struct
import zipfile
import zlib

#: ``e_machine`` of the ELF header, by Lambda's name (System V ABI, "ELF header").
_MACHINES = {0x3E: "x86_64", 0xB7: "arm64"}
_HEADER_BYTES = 20
#: What zipfile raises for a file that is none, is cut off, or is locked by a password.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, ValueError)


def machine_of(header: bytes) -> str | None:
    """The architecture in the first 20 bytes of a file; ``None`` for no ELF or another machine."""
    if len(header) < _HEADER_BYTES or not header.startswith(b"\x7fELF"):
        return None
    order = ">" if header[5] == 2 else "<"
    return _MACHINES.get(struct.unpack_from(f"{order}H", header, 18)[0])


def native_files(package: bytes) -> dict[str, list[str]]:
    """Names of the machine code in a zip by architecture; none for what cannot be read as one."""
    found: dict[str, list[str]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as files:
            for entry in files.infolist():
                with files.open(entry) as stream:
                    machine = machine_of(stream.read(_HEADER_BYTES))
                if machine is not None:
                    found.setdefault(machine, []).append(entry.filename)
    except _UNREADABLE:
        return {}
    return found


def built_for_another(package: bytes, arch: str) -> str | None:
    """Why a package does not run on an architecture, as far as that can be seen.

    A package that has machine code for several picks its own, so only one that has none for
    ``arch`` and some for another is told.
    """
    found = native_files(package)
    others = [name for machine, names in found.items() if machine != arch for name in names]
    if not others or arch in found:
        return None
    machine = next(machine for machine in found if machine != arch)
    count = "a file" if len(others) == 1 else f"{len(others):,} files"
    return f"its package has {count} built for {machine} and none for {arch} ({others[0][:80]})"
