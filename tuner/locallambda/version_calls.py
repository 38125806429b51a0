"""The calls on published versions."""

from tuner.locallambda.answers import Answer, document, invalid
from tuner.locallambda.control import Call, Control, page


async def publish_version(control: Control, call: Call) -> Answer:
    """PublishVersion: 201; the last version again if nothing changed since."""
    body = call.body()
    function = control.registry.get(call.ref())
    function.check_revision(body.get("RevisionId"))
    function.check_settled()
    given, have = body.get("CodeSha256"), function.shown.code.sha256
    if given is not None and given != have:
        raise invalid(
            f"CodeSHA256 ({given}) is different from current CodeSHA256 in $LATEST ({have}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )
    version = control.registry.publish(function, body.get("Description"))
    return document(function.document(version), 201)


async def list_versions(control: Control, call: Call) -> Answer:
    """ListVersionsByFunction: $LATEST first."""
    function = control.registry.get(call.ref())
    told = [function.document(listed=True)]
    told += [function.document(version, listed=True) for version in function.versions.values()]
    return document(page(told, "Versions", call.query))
