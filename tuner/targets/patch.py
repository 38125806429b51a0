"""Functions that are managed as code: which kind of file it is, its new text, and the diff.

Text in, text out; writing is the command's. For kinds that are programs (CDK, Pulumi) there is a
hint instead of a patch.
"""

import difflib
from pathlib import Path

from tuner.errors import UsageError

_YAML = (".yaml", ".yml", ".json", ".template")
#: How CDK writes an architecture.
_CDK_ARCH = {"x86_64": "X86_64", "arm64": "ARM_64"}
_PROGRAMS = {
    ".ts": "memorySize: {mb}",
    ".js": "memorySize: {mb}",
    ".py": "memory_size={mb}",
    ".java": ".memorySize({mb})",
    ".cs": "MemorySize = {mb}",
    ".go": "MemorySize: jsii.Number({mb})",
}


def patch(
    text: str, path: Path, memory_mb: int, resource: str | None, arch: str | None = None
) -> str:
    """The file's new text; ``arch`` is ``None`` where that stays. Raises UsageError, for a program
    with the line to write by hand."""
    suffix = path.suffix.lower()
    if path.name == "cdk.json" or suffix in _PROGRAMS:
        line = _PROGRAMS.get(suffix, "memorySize: {mb}").format(mb=memory_mb)
        also = f" and the architecture {_CDK_ARCH[arch]}" if arch else ""
        fix = f"In the function's construct write {line}{also}, then deploy."
        raise UsageError(str(path), "is a program, which tuner does not edit", fix)
    if suffix == ".tf":
        from tuner.targets.patch_hcl import patch_terraform

        return patch_terraform(text, memory_mb, resource, str(path), arch)
    if suffix in _YAML:
        from tuner.targets.patch_yaml import patch_yaml

        return patch_yaml(text, memory_mb, resource, str(path), arch)
    fix = "Name a template (.yaml, .json), a serverless.yml or a .tf file."
    raise UsageError(str(path), "cannot be patched: unknown kind of file", fix)


def diff(old: str, new: str, path: Path) -> str:
    """Return the change as a unified diff; empty if there is none."""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{path}", f"b/{path}"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
