"""What a function's configuration says, as the facts that the rest of the tuner works with."""

from collections.abc import Mapping
from typing import Any

from tuner.aws.control import Configuration, ControlPlane, uses_snap_start
from tuner.records import Backend, FunctionFacts
from tuner.targets.platform import platform_facts


def function_facts(
    control: ControlPlane, configuration: Configuration, concurrency: Mapping[str, Any]
) -> FunctionFacts:
    """Facts from a configuration and reserved concurrency as GetFunction has them; asks for the
    account's concurrency, and a local Lambda for its machine."""
    session = control.session
    platform = platform_facts(session.endpoint_url) if session.loopback else {}
    logging = configuration.get("LoggingConfig") or {}
    return FunctionFacts(
        name=configuration["FunctionName"],
        arn=configuration["FunctionArn"],
        backend=Backend.LOCAL if platform else Backend.AWS,
        region=session.region,
        arch=(configuration.get("Architectures") or ["x86_64"])[0],
        runtime=configuration.get("Runtime"),
        memory_mb=configuration["MemorySize"],
        timeout_s=float(configuration["Timeout"]),
        version=configuration.get("Version", "$LATEST"),
        handler=configuration.get("Handler"),
        package=str(configuration.get("PackageType", "Zip")).lower(),
        ephemeral_mb=(configuration.get("EphemeralStorage") or {}).get("Size", 512),
        log_format=logging.get("LogFormat", "Text"),
        system_log_level=logging.get("SystemLogLevel"),
        reserved_concurrency=concurrency.get("ReservedConcurrentExecutions"),
        account_concurrency=control.account_concurrency(),
        traced=(configuration.get("TracingConfig") or {}).get("Mode") == "Active",
        snap_start=uses_snap_start(configuration),
        platform=platform,
    )
