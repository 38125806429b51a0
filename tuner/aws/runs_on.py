"""Whether a function's code runs on another architecture, as far as that shows beforehand.

Looks at the kind of package, at what its layers say of themselves and at machine code in its zip;
what none of these tells shows when a copy is made or invoked. Changes nothing.
"""

from collections.abc import Mapping
from typing import Any

from tuner.aws.control import Configuration, Control
from tuner.aws.native_code import built_for_another
from tuner.errors import AccessDenied, NotFound, TargetError


def refuse_architecture(
    control: Control,
    configuration: Configuration,
    code: Mapping[str, Any],
    arch: str,
    thing: str,
) -> None:
    """Raise :class:`TargetError` where the function surely cannot run on ``arch``.

    ``code`` is CreateFunction's: the zip, or an image.
    """
    if arch in (configuration.get("Architectures") or ["x86_64"]):
        return
    if "ImageUri" in code:
        raise TargetError(
            thing,
            f"it is a container image, which was built for one architecture and not for {arch}",
            f"Build an image for {arch}, make a function of it and measure that.",
        )
    for layer in configuration.get("Layers") or ():
        _refuse_layer(control, layer["Arn"], arch, thing)
    reason = built_for_another(code.get("ZipFile", b""), arch)
    if reason is not None:
        raise TargetError(thing, reason, f"Build the package for {arch}, or leave that one out.")


def _refuse_layer(control: Control, arn: str, arch: str, thing: str) -> None:
    """A layer may be used without the right to look at it; one that is gone fails by itself."""
    try:
        suits = control.layer(arn).get("CompatibleArchitectures")
    except (AccessDenied, NotFound):
        return
    if suits and arch not in suits:
        raise TargetError(
            thing,
            f"its layer {':'.join(arn.split(':')[-2:])} is for {', '.join(suits)} only",
            f"Publish the layer for {arch}, or leave that one out.",
        )
