"""The calls on functions: create, read, update, list, delete."""

from dataclasses import replace
from typing import Any

from tuner.locallambda.answers import NO_CONTENT, Answer, document, function_not_found, invalid
from tuner.locallambda.configuration import created
from tuner.locallambda.control import Call, Control, page
from tuner.locallambda.functions import Function, Version
from tuner.locallambda.names import LATEST, FunctionRef, read_reference
from tuner.locallambda.packages import describe
from tuner.locallambda.validation import check_settings, read_tags


async def create_function(control: Control, call: Call) -> Answer:
    """CreateFunction: 201, Pending."""
    body = call.body()
    check_settings(body, required=("FunctionName", "Code", "Role"))
    ref = read_reference(body["FunctionName"], call.region)
    if ref.qualifier:
        raise invalid("A function cannot be created with a qualifier in its name.")
    tags = read_tags(body.get("Tags") or {})
    created(body, describe(b""))  # everything but the code, before unpacking it
    package = await control.package(body["Code"])
    function = control.registry.create(ref, created(body, package))
    function.tags.update(tags)
    version = control.registry.publish(function) if body.get("Publish") else None
    control.registry.keep(function)
    return document(function.document(version), 201)


async def get_function(control: Control, call: Call) -> Answer:
    """GetFunction: configuration, where the code is, tags, reserved concurrency."""
    function, version = _find(control, call.ref())
    code = (version.configuration if version else function.shown).code
    told: dict[str, Any] = {
        "Configuration": function.document(version),
        "Code": {
            "RepositoryType": "S3",
            "Location": f"{call.base_url}/tuner/packages/{code.folder}.zip",
        },
    }
    if function.tags:
        told["Tags"] = function.tags
    if function.reserved is not None:
        told["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
    return document(told)


async def get_function_configuration(control: Control, call: Call) -> Answer:
    """GetFunctionConfiguration."""
    function, version = _find(control, call.ref())
    return document(function.document(version))


async def update_function_configuration(control: Control, call: Call) -> Answer:
    """UpdateFunctionConfiguration: 200, InProgress, with the new values shown."""
    body = call.body()
    check_settings(body)
    function = _latest(control, call.ref())
    changed = function.shown.with_settings(body)
    function.check_revision(body.get("RevisionId"))
    function.check_settled()
    control.registry.update(function, changed)
    return document(function.document())


async def update_function_code(control: Control, call: Call) -> Answer:
    """UpdateFunctionCode, with ``Architectures``, ``DryRun`` and ``Publish``."""
    body = call.body()
    check_settings(body)
    function = _latest(control, call.ref())
    function.check_revision(body.get("RevisionId"))
    function.check_settled()
    package = await control.package(body)
    # Unpacking took time: another update may have come first.
    function = _latest(control, call.ref())
    function.check_revision(body.get("RevisionId"))
    function.check_settled()
    architectures = tuple(body.get("Architectures") or function.shown.architectures)
    changed = replace(function.shown, code=package, architectures=architectures)
    if body.get("DryRun"):
        return document({**function.document(), "CodeSha256": package.sha256})
    control.registry.update(function, changed)
    version = control.registry.publish(function) if body.get("Publish") else None
    return document(function.document(version))


async def list_functions(control: Control, call: Call) -> Answer:
    """ListFunctions, with ``FunctionVersion=ALL``."""
    told = []
    for function in control.registry.in_region(call.region):
        told.append(function.document(listed=True))
        if call.query.get("FunctionVersion") == "ALL":
            told += [function.document(v, listed=True) for v in function.versions.values()]
        else:
            told[-1]["FunctionArn"] = function.arn
    return document(page(told, "Functions", call.query))


async def delete_function(control: Control, call: Call) -> Answer:
    """DeleteFunction, or one of its versions: 204."""
    ref = call.ref()
    function = control.registry.find(ref)
    if function is None:
        raise function_not_found(ref.qualified_arn)
    if ref.qualifier is None:
        control.reserve(function, None)
        control.registry.delete(function)
        control.forget(function)
    else:
        if ref.qualifier == LATEST:
            raise invalid("$LATEST version cannot be deleted without deleting the function.")
        control.registry.unpublish(function, ref.qualifier)
    return NO_CONTENT


def _find(control: Control, ref: FunctionRef) -> tuple[Function, Version | None]:
    function = control.registry.get(ref)
    return function, control.registry.version(function, ref.qualifier)


def _latest(control: Control, ref: FunctionRef) -> Function:
    if ref.qualifier not in (None, LATEST):
        raise invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not "
            "support this operation. Please specify either a function name or an unqualified "
            "function ARN."
        )
    return control.registry.get(FunctionRef(ref.region, ref.name))
