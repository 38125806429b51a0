"""Names of functions and of other resources: ARNs, and what a request may call a function.

Patterns are those that AWS quotes in its errors (recorded 2025-11) and that botocore's model has.
"""

import re
from dataclasses import dataclass

from tuner.locallambda.responses import ApiError, invalid, mismatch, not_found, too_long, violated

ACCOUNT_ID = "000000000000"
LATEST = "$LATEST"
MAX_NAME = 64  # characters of a function's own name

_PREFIX = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?"
    r"((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
)


@dataclass(frozen=True, slots=True)
class NameRule:
    """What one kind of call accepts as a function's name: a pattern and a length."""

    pattern: str
    longest: int


#: Calls that read, invoke or delete a function.
READING = NameRule(_PREFIX + r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?", 256)
#: Calls that make or change one.
CHANGING = NameRule(_PREFIX + r"([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?", 140)
#: Calls on function URLs.
URLS = NameRule(_PREFIX + r"([a-zA-Z0-9-_]{1,64})(:((?!\d+$)[0-9a-zA-Z-_]+))?", 140)

QUALIFIER = r"\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"
MAX_QUALIFIER = 128
URL_QUALIFIER = r"((?!^\d+$)^[0-9a-zA-Z-_]+$)"
#: A name that may be an alias's (botocore's model: Alias).
ALIAS = re.compile(r"(?!^[0-9]+$)[a-zA-Z0-9-_]+", re.ASCII)

_REFERENCE = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?"
    r"(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?"
    r"(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_.]+)(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?",
    re.ASCII,
)
_PLAIN = re.compile(r"[a-zA-Z0-9-_]{1,64}", re.ASCII)

#: The partitions beside ``aws``, by how the names of their regions begin (botocore's endpoints).
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "us-iso-": "aws-iso",
    "eu-isoe-": "aws-iso-e",
    "eusc-": "aws-eusc",
}


def partition(region: str) -> str:
    return next((value for key, value in _PARTITIONS.items() if region.startswith(key)), "aws")


def lambda_arn(region: str, resource: str) -> str:
    """The ARN of a resource of Lambda, such as ``layer:libs:1``."""
    return f"arn:{partition(region)}:lambda:{region}:{ACCOUNT_ID}:{resource}"


def function_arn(region: str, name: str, qualifier: str | None = None) -> str:
    return lambda_arn(region, f"function:{name}:{qualifier}" if qualifier else f"function:{name}")


@dataclass(frozen=True, slots=True)
class FunctionRef:
    """A function, and a version or alias of it if one was given."""

    region: str
    name: str
    qualifier: str | None = None

    @property
    def qualified_arn(self) -> str:
        return function_arn(self.region, self.name, self.qualifier)

    @property
    def names_an_alias(self) -> bool:
        """True if the qualifier can be no version's."""
        return bool(self.qualifier and ALIAS.fullmatch(self.qualifier))


def read_reference(
    text: str, region: str, qualifier: str | None = None, rule: NameRule = READING
) -> FunctionRef:
    """Read the name in the path of a call in ``region``.

    Raises ValidationException for a malformed name, 403 for another account and 404 for another
    region, as AWS does.
    """
    name, own = text, None
    if qualifier or not _PLAIN.fullmatch(text):
        _check(text, qualifier, rule)
        match = _REFERENCE.fullmatch(text)
        if match is None:  # cannot be, as the rule is narrower
            raise violated([mismatch(text, "functionName", rule.pattern)])
        if match["account"] not in (None, ACCOUNT_ID):
            raise ApiError(403, "AccessDeniedException", None)  # AWS gives no message
        if match["region"] not in (None, region):
            raise not_found(
                f"Functions from '{match['region']}' are not reachable in this region ('{region}')"
            )
        name, own = match["name"], match["qualifier"]
    if own and qualifier and own != qualifier:
        raise invalid(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    return FunctionRef(region, name, own or qualifier or None)


def _check(text: str, qualifier: str | None, rule: NameRule) -> None:
    """Refuse what the call's model forbids, both words together."""
    found = []
    if qualifier:
        if len(qualifier) > MAX_QUALIFIER:
            found.append(too_long(qualifier, "qualifier", MAX_QUALIFIER))
        if not re.fullmatch(QUALIFIER, qualifier, re.ASCII):
            found.append(mismatch(qualifier, "qualifier", QUALIFIER))
    if len(text) > rule.longest:
        found.append(too_long(text, "functionName", rule.longest))
    if not re.fullmatch(rule.pattern, text, re.ASCII):
        found.append(mismatch(text, "functionName", rule.pattern))
    if found:
        raise violated(found)
