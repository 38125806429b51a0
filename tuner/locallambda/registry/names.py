"""Names of functions: read from a name, an ARN or a part of one, with or without qualifier."""

import re
from dataclasses import dataclass

from tuner.locallambda.responses import ApiError, invalid, mismatch, not_found, violated

ACCOUNT_ID = "000000000000"
LATEST = "$LATEST"

# Patterns of botocore's Lambda model (2026-11), which AWS quotes in its errors.
_PREFIX = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?"
    r"((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
)
FUNCTION_NAME = _PREFIX + r"([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
QUALIFIER = r"(|[a-zA-Z0-9$_-]+)"

_REFERENCE = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?"
    r"(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?"
    r"(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?",
    re.ASCII,
)
_PLAIN = re.compile(r"[a-zA-Z0-9-_]{1,64}", re.ASCII)


def function_arn(region: str, name: str, qualifier: str | None = None) -> str:
    arn = f"arn:aws:lambda:{region}:{ACCOUNT_ID}:function:{name}"
    return f"{arn}:{qualifier}" if qualifier else arn


@dataclass(frozen=True, slots=True)
class FunctionRef:
    """A function, and a version or alias of it if one was given."""

    region: str
    name: str
    qualifier: str | None = None

    @property
    def arn(self) -> str:
        return function_arn(self.region, self.name)

    @property
    def qualified_arn(self) -> str:
        return function_arn(self.region, self.name, self.qualifier)


def read_reference(text: str, region: str, qualifier: str | None = None) -> FunctionRef:
    """Read the name in the path of a call in ``region``.

    Raises ValidationException for a malformed name, 403 for another account and 404 for another
    region, as AWS does.
    """
    if _PLAIN.fullmatch(text):
        name, own = text, None
    else:
        match = _REFERENCE.fullmatch(text) if len(text) <= 256 else None
        if match is None or len(match["name"]) > 64:
            raise violated([mismatch(text, "functionName", FUNCTION_NAME)])
        if match["account"] not in (None, ACCOUNT_ID):
            raise ApiError(403, "AccessDeniedException", None)  # AWS gives no message
        if match["region"] not in (None, region):
            raise not_found(
                f"Functions from '{match['region']}' are not reachable in this region ('{region}')"
            )
        name, own = match["name"], match["qualifier"]
    if qualifier is not None and not re.fullmatch(QUALIFIER, qualifier):
        raise violated([mismatch(qualifier, "qualifier", QUALIFIER)])
    if own and qualifier and own != qualifier:
        raise invalid(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    return FunctionRef(region, name, own or qualifier or None)
