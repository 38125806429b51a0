"""What ``terraform show -json`` says of a plan or a state, as a template.

Functions are called by their address, such as ``module.pay.aws_lambda_function.this[0]``. What is
known only after ``terraform apply`` becomes an expression that only AWS knows.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tuner.targets.intrinsics import VARIABLE
from tuner.targets.terraform_layers import layers_of
from tuner.targets.yaml_nodes import Tagged

_FUNCTION, _LAYER = "aws_lambda_function", "aws_lambda_layer_version"
_PROPERTIES = {
    "Handler": "handler",
    "Runtime": "runtime",
    "MemorySize": "memory_size",
    "Timeout": "timeout",
    "PackageType": "package_type",
    "FunctionName": "function_name",
}


def is_plan(document: Mapping[str, Any]) -> bool:
    """Return whether a document is a plan or a state in JSON."""
    return "terraform_version" in document and (
        "planned_values" in document or "values" in document
    )


def plan_template(document: Mapping[str, Any]) -> dict[str, Any]:
    """The template; resources are called by their addresses."""
    unknown = {
        each["address"]: _map(_map(each.get("change")).get("after_unknown"))
        for each in _maps(document.get("resource_changes"))
        if "address" in each
    }
    found = list(_resources(_map(document.get("planned_values", document.get("values")))))
    root = _map(_map(document.get("configuration")).get("root_module"))
    layers: dict[str, str] = {}
    resources = {}
    for each in (each for each in found if each.get("type") == _LAYER):
        address, values = str(each.get("address")), _map(each.get("values"))
        layers |= {address: address, str(values.get("arn", address)): address}
        layer = {"Content": values.get("filename")}
        resources[address] = {"Type": "AWS::Lambda::LayerVersion", "Properties": layer}
    for each in (each for each in found if each.get("type") == _FUNCTION):
        address, values = str(each.get("address")), _map(each.get("values"))
        later = unknown.get(address, {})
        properties = _function(address, values, later)
        listed, unknown_layers = values.get("layers"), later.get("layers")
        properties["Layers"] = layers_of(address, listed, unknown_layers, root, layers)
        resources[address] = {"Type": "AWS::Lambda::Function", "Properties": properties}
    return {"Resources": resources}


def _function(address: str, values: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    properties = {}
    for name, key in _PROPERTIES.items():
        if values.get(key) not in (None, []):
            properties[name] = values[key]
        elif later.get(key):
            properties[name] = Tagged(VARIABLE, f"{address}.{key}")
    properties["Code"] = values.get("filename") or {"S3Key": values.get("s3_key") or ""}
    environment: dict[str, Any] = {}
    for part in _maps(later.get("environment")):
        hidden = part.get("variables")
        for key in hidden if isinstance(hidden, dict) else ():
            environment[key] = Tagged(VARIABLE, f"{address}.environment.{key}")
    for part in _maps(values.get("environment")):
        environment |= _map(part.get("variables"))
    properties["Environment"] = {"Variables": environment}
    return properties


def _resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The resources of a module and of those in it."""
    waiting = [_map(module.get("root_module"))]
    while waiting:
        found = waiting.pop(0)
        yield from _maps(found.get("resources"))
        waiting += _maps(found.get("child_modules"))


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _maps(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
