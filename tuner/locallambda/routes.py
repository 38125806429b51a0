"""Which call a request is: the table of Lambda's API that is spoken here.

Paths are those of botocore's Lambda model. To add a call: one line, one function with its
recorded answer, one test through boto3.
"""

import re
from collections.abc import Awaitable, Callable

from tuner.locallambda import (
    alias_calls,
    concurrency_calls,
    event_calls,
    function_calls,
    provisioned_calls,
    tag_calls,
    version_calls,
)
from tuner.locallambda.answers import Answer, ApiError
from tuner.locallambda.control import Call, Control

Handler = Callable[[Control, Call], Awaitable[Answer]]

_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "2015-03-31/functions", function_calls.create_function),
    ("GET", "2015-03-31/functions", function_calls.list_functions),
    ("GET", "2015-03-31/functions/*", function_calls.get_function),
    ("DELETE", "2015-03-31/functions/*", function_calls.delete_function),
    ("GET", "2015-03-31/functions/*/configuration", function_calls.get_function_configuration),
    ("PUT", "2015-03-31/functions/*/configuration", function_calls.update_function_configuration),
    ("PUT", "2015-03-31/functions/*/code", function_calls.update_function_code),
    ("POST", "2015-03-31/functions/*/versions", version_calls.publish_version),
    ("GET", "2015-03-31/functions/*/versions", version_calls.list_versions),
    ("POST", "2015-03-31/functions/*/aliases", alias_calls.create_alias),
    ("GET", "2015-03-31/functions/*/aliases", alias_calls.list_aliases),
    ("GET", "2015-03-31/functions/*/aliases/*", alias_calls.get_alias),
    ("PUT", "2015-03-31/functions/*/aliases/*", alias_calls.update_alias),
    ("DELETE", "2015-03-31/functions/*/aliases/*", alias_calls.delete_alias),
    ("PUT", "2017-10-31/functions/*/concurrency", concurrency_calls.put_function_concurrency),
    ("GET", "2019-09-30/functions/*/concurrency", concurrency_calls.get_function_concurrency),
    ("DELETE", "2017-10-31/functions/*/concurrency", concurrency_calls.delete_function_concurrency),
    ("PUT", "2019-09-30/functions/*/provisioned-concurrency", provisioned_calls.put_provisioned),
    ("GET", "2019-09-30/functions/*/provisioned-concurrency", provisioned_calls.get_provisioned),
    (
        "DELETE",
        "2019-09-30/functions/*/provisioned-concurrency",
        provisioned_calls.delete_provisioned,
    ),
    ("GET", "2016-08-19/account-settings", concurrency_calls.get_account_settings),
    ("GET", "2017-03-31/tags/*", tag_calls.list_tags),
    ("POST", "2017-03-31/tags/*", tag_calls.tag_resource),
    ("DELETE", "2017-03-31/tags/*", tag_calls.untag_resource),
    ("PUT", "2019-09-25/functions/*/event-invoke-config", event_calls.put_event_config),
    ("POST", "2019-09-25/functions/*/event-invoke-config", event_calls.update_event_config),
    ("GET", "2019-09-25/functions/*/event-invoke-config", event_calls.get_event_config),
    ("DELETE", "2019-09-25/functions/*/event-invoke-config", event_calls.delete_event_config),
    ("GET", "2019-09-25/functions/*/event-invoke-config/list", event_calls.list_event_configs),
)

_ROUTES: tuple[tuple[str, re.Pattern[str], Handler], ...] = tuple(
    (method, re.compile("/" + re.escape(path).replace(r"\*", "([^/]+)") + "/?"), handler)
    for method, path, handler in _TABLE
)


def operation_name(handler: Handler) -> str:
    """``create_function`` -> ``CreateFunction``, as AWS's errors have it."""
    return "".join(word.title() for word in getattr(handler, "__name__", "").split("_"))


def find_route(method: str, path: str) -> tuple[Handler, tuple[str, ...]]:
    """The call that a method and a decoded path name, with the path's variable words."""
    for route_method, pattern, handler in _ROUTES:
        if route_method == method and (match := pattern.fullmatch(path)):
            return handler, match.groups()
    raise ApiError(
        404,
        "UnknownOperationException",
        f"The local Lambda does not know {method} {path}.",
    )
