"""Checks of tags, as AWS's model and its service refuse them."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from tuner.locallambda.registry.validation import not_a_string
from tuner.locallambda.responses import invalid, unsatisfied, violated

MAX_TAGS = 50  # of a resource (AWS Lambda quotas, 2026)


def check_tag_count(tags: Mapping[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise invalid("Number of tags exceeds resource tag limit.")


_TAG = r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)"
_TAG_KEY, _TAG_VALUE = (1, 128), (0, 256)  # characters


def read_tags(tags: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a request; refuses those that Lambda would not take."""
    for key, value in tags.items():
        if not isinstance(value, str):
            raise not_a_string(value, f"Tags.{key}")
    shown = f"{{{', '.join(f'{key}={value}' for key, value in tags.items())}}}"
    found = [
        unsatisfied(shown, "tags", f"Map {what} must satisfy constraint: [{_tag_rule(bounds)}]")
        for what, texts, bounds in (
            ("keys", tags.keys(), _TAG_KEY),
            ("value", tags.values(), _TAG_VALUE),
        )
        if not all(_is_tag(text, *bounds) for text in texts)
    ]
    if found:
        raise violated(found)
    if any(key.lower().startswith("aws:") for key in tags):
        raise invalid("aws: prefixed tag key names are not allowed for external use.")
    return dict(tags)


def _tag_rule(bounds: tuple[int, int]) -> str:
    return (
        f"Member must have length less than or equal to {bounds[1]}, Member must have length "
        f"greater than or equal to {bounds[0]}, Member must satisfy regular expression pattern: "
        f"{_TAG}"
    )


def _is_tag(text: str, fewest: int, most: int) -> bool:
    """True for what a tag may hold; \\p{L}, \\p{Z} and \\p{N} are Unicode's categories."""
    chars = (each in "_.:/=+-@" or unicodedata.category(each)[0] in "LZN" for each in text)
    return fewest <= len(text) <= most and all(chars)
