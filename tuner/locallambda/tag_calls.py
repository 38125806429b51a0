"""The calls on tags."""

from tuner.locallambda.answers import NO_CONTENT, Answer, document, invalid, violated
from tuner.locallambda.control import Call, Control
from tuner.locallambda.functions import Function
from tuner.locallambda.validation import missing, read_tags

MAX_TAGS = 50


async def tag_resource(control: Control, call: Call) -> Answer:
    """TagResource: 204."""
    body = call.body()
    if not body.get("Tags"):
        raise violated([missing("tags")])
    added = read_tags(body["Tags"])
    function = _tagged(control, call)
    function.check_settled()
    tags = {**function.tags, **added}
    if len(tags) > MAX_TAGS:
        raise invalid("Number of tags exceeds resource tag limit.")
    function.tags = tags
    control.registry.keep(function)
    return NO_CONTENT


async def untag_resource(control: Control, call: Call) -> Answer:
    """UntagResource: 204."""
    if not call.tag_keys:
        raise violated([missing("tagKeys")])
    function = _tagged(control, call)
    for key in call.tag_keys:
        function.tags.pop(key, None)
    control.registry.keep(function)
    return NO_CONTENT


async def list_tags(control: Control, call: Call) -> Answer:
    """ListTags."""
    return document({"Tags": _tagged(control, call).tags})


def _tagged(control: Control, call: Call) -> Function:
    ref = call.ref()
    if ref.qualifier:
        raise invalid(
            "Tags on function aliases and versions are not supported. "
            "Please specify a function ARN."
        )
    return control.registry.get(ref)
