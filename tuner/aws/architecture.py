"""The architecture of ``$LATEST``: set by giving Lambda the very code that it has, once more.

Lambda changes an architecture with the code only (UpdateFunctionCode). The package is fetched,
compared with the function's CodeSha256 and sent back unchanged, guarded by RevisionId.
"""

from tuner.aws.control import Configuration, Control, revision_of
from tuner.aws.package import code_of, code_sha256
from tuner.aws.runs_on import refuse_architecture
from tuner.errors import ChangedUnderneath, TargetError

_FIX = "Deploy it for the other architecture with the tool that you deploy it with."
_AGAIN = "Look, then try again."


def architecture_of(configuration: Configuration) -> str:
    """``x86_64`` or ``arm64``; x86_64 is what Lambda takes where nothing is said."""
    return str((configuration.get("Architectures") or ["x86_64"])[0])


def set_architecture(
    control: Control, function: str, now: Configuration, arch: str
) -> Configuration:
    """Set the architecture of ``$LATEST`` as it was just read, nothing else; waits until it is set.

    Raises :class:`TargetError` where the code surely does not run on it or cannot be had, and
    :class:`ChangedUnderneath` where somebody else changes it meanwhile. A change that was made
    although its answer was lost counts as made.
    """
    package = package_for(control, function, now, arch)
    try:
        known: Configuration = control.send(
            "UpdateFunctionCode",
            function,
            FunctionName=function,
            ZipFile=package,
            Architectures=[arch],
            RevisionId=revision_of(now),
        )
    except TargetError:
        known = control.settle(function)
        untouched = revision_of(known) == revision_of(now) != ""
        if untouched or _setting(known) != (arch, now["CodeSha256"], now["MemorySize"]):
            raise
    latest = control.wait(function, known=known)
    if _setting(latest)[:2] != (arch, now["CodeSha256"]):
        raise ChangedUnderneath(function, "somebody else changed it meanwhile", _AGAIN)
    return latest


def package_for(control: Control, function: str, now: Configuration, arch: str) -> bytes:
    """The package of ``$LATEST`` as it was just read, if it may run on this architecture."""
    found = control.get(function)
    if found["Configuration"]["CodeSha256"] != now["CodeSha256"]:
        raise ChangedUnderneath(function, "somebody else deploys it right now", _AGAIN)
    code = code_of(found, function, _FIX)
    refuse_architecture(control, now, code, arch, function)
    package = bytes(code.get("ZipFile", b""))
    if code_sha256(package) != now["CodeSha256"]:
        reason = "what Lambda gives as its package is not what its CodeSha256 says"
        raise TargetError(function, reason, _FIX)
    return package


def _setting(configuration: Configuration) -> tuple[str, str, int]:
    sha: str = configuration["CodeSha256"]
    return architecture_of(configuration), sha, configuration["MemorySize"]
