"""Changes of a function that count as made when only their answer was lost.

Each expects the RevisionId that was just read, so that a deployment by somebody else is never
overwritten. The caller journals what it needs before it makes one.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from typing import Any

from tuner.aws.configuration import (
    Configuration,
    architecture_of,
    changed_meanwhile,
    revision_of,
    weights_of,
)
from tuner.aws.control import ControlPlane
from tuner.aws.package import code_of, refuse_architecture
from tuner.errors import ChangedUnderneath, TargetError

_FIX = "Deploy it for the other architecture with your usual tool."


def set_memory(
    control: ControlPlane, function: str, now: Configuration, memory_mb: int
) -> Configuration:
    """Set only the memory (MB) of ``$LATEST`` as it was just read, and wait until that is done.

    Raises :class:`ChangedUnderneath` for somebody else's change.
    """
    description, revision_id = now.get("Description", ""), revision_of(now)
    send = partial(control.update, function, memory_mb, description, revision_id)
    known = _sent(control, function, send, now, MemorySize=memory_mb)
    latest = control.wait(function, known=known)
    if latest["MemorySize"] != memory_mb:
        latest = control.agreed(function, latest)
    if latest["MemorySize"] != memory_mb:
        raise changed_meanwhile(function)
    return latest


def point(
    control: ControlPlane,
    function: str,
    now: Mapping[str, Any],
    version: str,
    weights: Mapping[str, float],
) -> None:
    """Point an alias, as it was just read, at a version, with shares of its traffic on another."""
    try:
        control.update_alias(function, now, version, weights)
    except TargetError:
        # The change may have been made, and only its answer lost.
        found = control.get_alias(function, now["Name"])
        if found["FunctionVersion"] != version or weights_of(found) != dict(weights):
            raise


def set_architecture(
    control: ControlPlane, function: str, now: Configuration, arch: str
) -> Configuration:
    """Set only the architecture of ``$LATEST`` as it was just read, and wait until that is done.

    Raises :class:`TargetError` where the code surely does not run on it or is not available,
    :class:`ChangedUnderneath` for somebody else's change.
    """
    package = package_for(control, function, now, arch)
    send = partial(control.update_code, function, package, arch, now)
    known = _sent(control, function, send, now, Architectures=[arch])
    latest = control.wait(function, known=known)
    if (architecture_of(latest), latest["CodeSha256"]) != (arch, now["CodeSha256"]):
        raise changed_meanwhile(function)
    return latest


def _sent(
    control: ControlPlane,
    function: str,
    send: Callable[[], Configuration],
    now: Configuration,
    **changes: Any,
) -> Configuration:
    """Send a change; returns the function's configuration after it. Without an answer, that must
    be as wanted and have another RevisionId than the one that the change was made from.
    Of one that sets what is there already an old read looks the same, so nothing shows it."""
    wanted = {**now, **changes}
    try:
        return send()
    except TargetError as error:
        if error.refused and not isinstance(error, ChangedUnderneath):
            raise
        known = control.settle(function)
        untouched = revision_of(known) == revision_of(now) != "" or _values(now) == _values(wanted)
        if untouched or _values(known) != _values(wanted):
            raise
        return known


def _values(configuration: Configuration) -> tuple[Any, ...]:
    size, sha = configuration["MemorySize"], configuration["CodeSha256"]
    return size, configuration.get("Description", ""), architecture_of(configuration), sha


def package_for(control: ControlPlane, function: str, now: Configuration, arch: str) -> bytes:
    """The package of ``$LATEST`` as it was just read, if it may run on this architecture."""
    found = control.get(function)
    if found["Configuration"]["CodeSha256"] != now["CodeSha256"]:
        raise changed_meanwhile(function, "somebody else is deploying it right now")
    code = code_of(found, function, _FIX)
    refuse_architecture(control, now, code, arch, function)
    package = bytes(code.get("ZipFile", b""))
    if b64encode(sha256(package).digest()).decode() != now["CodeSha256"]:
        reason = "the package that Lambda returned does not match the function's CodeSha256"
        raise TargetError(function, reason, _FIX)
    return package


def publish_once(
    control: ControlPlane, function: str, latest: Configuration, description: str
) -> Configuration:
    """Publish ``$LATEST`` as it was just read. A version whose answer was lost is found by its
    description, which has to be the only one of its kind."""
    try:
        return control.publish(function, description, revision_of(latest), latest["CodeSha256"])
    except TargetError as error:
        for version in () if error.refused else control.versions(function):
            if version.get("Description", "") == description:
                return version
        raise
