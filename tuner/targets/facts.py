"""Facts of a function: from its configuration, and from a local Lambda about its machine.

How CPU is limited, how well, how many cores: only a local Lambda of ours answers that, on loopback.
"""

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from tuner.aws.control import Configuration, ControlPlane, uses_snap_start
from tuner.records import Backend, FunctionFacts

PLATFORM_PATH = "/tuner/platform"


def platform_facts(url: str, timeout_s: float = 5.0) -> Mapping[str, Any]:
    """The platform facts of the service at ``url``; empty if it is not a local Lambda of ours."""
    told = ask_local(url, PLATFORM_PATH, timeout_s)
    return told[0] if told is not None and isinstance(told[0], dict) else {}


def ask_local(url: str, path: str, timeout_s: float = 5.0) -> tuple[Any, Mapping[str, str]] | None:
    """Ask one of a local Lambda's own pages; returns its JSON, with the answer's headers in
    lower case; ``None`` if the service at ``url`` has no such page."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            return None
        return json.loads(body), {name.lower(): value for name, value in answer.getheaders()}
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()


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
