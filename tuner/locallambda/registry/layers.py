"""Names of layers, and what a function may have of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.locallambda.registry.configuration import LayerUse
from tuner.locallambda.registry.names import ACCOUNT_ID, lambda_arn
from tuner.locallambda.responses import ApiError, invalid, mismatch, unsatisfied, violated

#: Recorded 2025-11.
_OWN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:"
    r"layer:[a-zA-Z0-9-_]+"
)
LAYER_ARN = _OWN + r":[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"
LAYER_NAME = _OWN + r")|[a-zA-Z0-9-_]+"
MAX_LAYERS = 5  # of a function (AWS Lambda quotas, 2026)
_ANY = (
    "Member must satisfy constraint: [Member must have length less than or equal to 2048, Member "
    "must have length greater than or equal to 1, Member must satisfy regular expression pattern: "
    f"{LAYER_ARN}, Member must not be null]"
)


@dataclass(frozen=True, slots=True)
class LayerName:
    """A layer of one region."""

    region: str
    name: str

    @property
    def arn(self) -> str:
        return lambda_arn(self.region, f"layer:{self.name}")

    def version_arn(self, number: object) -> str:
        return f"{self.arn}:{number}"


def read_layer_name(text: str, region: str) -> LayerName:
    """Read a layer's name or its ARN without a version.

    Raises ValidationException for a malformed one, 403 for another account's.
    """
    if len(text) > 140 or not re.fullmatch(LAYER_NAME, text, re.ASCII):
        raise violated([mismatch(text, "layerName", LAYER_NAME)])
    if not text.startswith("arn:"):
        return LayerName(region, text)
    _, _, _, there, account, _, name = text.split(":")
    if account != ACCOUNT_ID:
        raise ApiError(403, "AccessDeniedException", None)
    return LayerName(there, name)


def layers_of(arns: Sequence[Any], region: str, layers: Mapping[str, Any]) -> tuple[LayerUse, ...]:
    """What a function gets of the layers that a request names; raises AWS's ApiError.

    ``layers`` are those of the region by name.
    """
    if not all(isinstance(one, str) and re.fullmatch(LAYER_ARN, one, re.ASCII) for one in arns):
        raise violated([unsatisfied(f"[{', '.join(map(str, arns))}]", "layers", _ANY)])
    if len(arns) > MAX_LAYERS:
        raise invalid(f"Cannot reference more than {MAX_LAYERS} layers.")
    if any(one.split(":")[3] not in ("", region) for one in arns):
        raise invalid(
            "Layers are not in the same region as the function. Layers are expected to be in "
            f"region {region}."
        )
    first: dict[str, str] = {}
    found = []
    for arn in arns:
        name, _, number = arn.rpartition(":")
        if name in first:
            raise invalid(
                "Two different versions of the same layer are not allowed to be referenced in the "
                f"same function. {first[name]} and {arn} are versions of the same layer."
            )
        first[name] = arn
        layer = layers.get(name.rpartition(":")[2]) if f":{ACCOUNT_ID}:" in arn else None
        version = layer["versions"].get(number) if layer else None
        if version is None:
            raise invalid(f"Layer version {arn} does not exist.")
        found.append(LayerUse(arn, version["size"], version["folder"]))
    return tuple(found)
