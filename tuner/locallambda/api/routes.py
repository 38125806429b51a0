"""The table of calls: method and path, as in botocore's model, and the function for each."""

import re
from collections.abc import Awaitable, Callable

from tuner.locallambda.api import (
    aliases,
    concurrency,
    functions,
    invocations,
    layers,
    mappings,
    permissions,
    settings,
    tags,
    urls,
)
from tuner.locallambda.api import code_signing as signing
from tuner.locallambda.api.requests import ApiRequest
from tuner.locallambda.responses import ApiError, Response
from tuner.locallambda.service import Service

Handler = Callable[[Service, ApiRequest], Awaitable[Response]]

_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "2015-03-31/functions", functions.create_function),
    ("GET", "2015-03-31/functions", functions.list_functions),
    ("GET", "2015-03-31/functions/*", functions.get_function),
    ("DELETE", "2015-03-31/functions/*", functions.delete_function),
    ("GET", "2015-03-31/functions/*/configuration", functions.get_function_configuration),
    ("PUT", "2015-03-31/functions/*/configuration", functions.update_function_configuration),
    ("PUT", "2015-03-31/functions/*/code", functions.update_function_code),
    ("POST", "2015-03-31/functions/*/versions", functions.publish_version),
    ("GET", "2015-03-31/functions/*/versions", functions.list_versions),
    ("POST", "2015-03-31/functions/*/aliases", aliases.create_alias),
    ("GET", "2015-03-31/functions/*/aliases", aliases.list_aliases),
    ("GET", "2015-03-31/functions/*/aliases/*", aliases.get_alias),
    ("PUT", "2015-03-31/functions/*/aliases/*", aliases.update_alias),
    ("DELETE", "2015-03-31/functions/*/aliases/*", aliases.delete_alias),
    ("PUT", "2017-10-31/functions/*/concurrency", concurrency.put_function_concurrency),
    ("GET", "2019-09-30/functions/*/concurrency", concurrency.get_function_concurrency),
    ("DELETE", "2017-10-31/functions/*/concurrency", concurrency.delete_function_concurrency),
    ("PUT", "2019-09-30/functions/*/provisioned-concurrency", concurrency.put_provisioned),
    ("GET", "2019-09-30/functions/*/provisioned-concurrency", concurrency.get_provisioned),
    ("DELETE", "2019-09-30/functions/*/provisioned-concurrency", concurrency.delete_provisioned),
    ("GET", "2016-08-19/account-settings", concurrency.get_account_settings),
    ("GET", "2017-03-31/tags/*", tags.list_tags),
    ("POST", "2017-03-31/tags/*", tags.tag_resource),
    ("DELETE", "2017-03-31/tags/*", tags.untag_resource),
    ("PUT", "2019-09-25/functions/*/event-invoke-config", invocations.put_event_config),
    ("POST", "2019-09-25/functions/*/event-invoke-config", invocations.update_event_config),
    ("GET", "2019-09-25/functions/*/event-invoke-config", invocations.get_event_config),
    ("DELETE", "2019-09-25/functions/*/event-invoke-config", invocations.delete_event_config),
    ("GET", "2019-09-25/functions/*/event-invoke-config/list", invocations.list_event_configs),
    ("POST", "2014-11-13/functions/*/invoke-async", invocations.invoke_async),
    ("POST", "2015-03-31/functions/*/policy", permissions.add_permission),
    ("GET", "2015-03-31/functions/*/policy", permissions.get_policy),
    ("DELETE", "2015-03-31/functions/*/policy/*", permissions.remove_permission),
    ("GET", "2020-06-30/functions/*/code-signing-config", signing.get_function_code_signing_config),
    ("PUT", "2020-06-30/functions/*/code-signing-config", signing.put_function_code_signing_config),
    (
        "DELETE",
        "2020-06-30/functions/*/code-signing-config",
        signing.delete_function_code_signing_config,
    ),
    ("POST", "2020-04-22/code-signing-configs", signing.create_code_signing_config),
    ("GET", "2020-04-22/code-signing-configs", signing.list_code_signing_configs),
    ("GET", "2020-04-22/code-signing-configs/*", signing.get_code_signing_config),
    ("PUT", "2020-04-22/code-signing-configs/*", signing.update_code_signing_config),
    ("DELETE", "2020-04-22/code-signing-configs/*", signing.delete_code_signing_config),
    (
        "GET",
        "2020-04-22/code-signing-configs/*/functions",
        signing.list_functions_by_code_signing_config,
    ),
    ("GET", "2024-08-31/functions/*/recursion-config", settings.get_recursion_config),
    ("PUT", "2024-08-31/functions/*/recursion-config", settings.put_recursion_config),
    (
        "GET",
        "2021-07-20/functions/*/runtime-management-config",
        settings.get_runtime_management_config,
    ),
    (
        "PUT",
        "2021-07-20/functions/*/runtime-management-config",
        settings.put_runtime_management_config,
    ),
    ("GET", "2018-10-31/layers", layers.get_layer_version_by_arn),
    ("POST", "2018-10-31/layers/*/versions", layers.publish_layer_version),
    ("GET", "2018-10-31/layers/*/versions", layers.list_layer_versions),
    ("GET", "2018-10-31/layers/*/versions/*", layers.get_layer_version),
    ("DELETE", "2018-10-31/layers/*/versions/*", layers.delete_layer_version),
    ("POST", "2018-10-31/layers/*/versions/*/policy", layers.add_layer_version_permission),
    ("GET", "2018-10-31/layers/*/versions/*/policy", layers.get_layer_version_policy),
    ("DELETE", "2018-10-31/layers/*/versions/*/policy/*", layers.remove_layer_version_permission),
    ("POST", "2015-03-31/event-source-mappings", mappings.create_event_source_mapping),
    ("GET", "2015-03-31/event-source-mappings", mappings.list_event_source_mappings),
    ("GET", "2015-03-31/event-source-mappings/*", mappings.get_event_source_mapping),
    ("PUT", "2015-03-31/event-source-mappings/*", mappings.update_event_source_mapping),
    ("DELETE", "2015-03-31/event-source-mappings/*", mappings.delete_event_source_mapping),
    ("GET", "2021-10-31/functions/*/urls", urls.list_function_url_configs),
    ("POST", "2021-10-31/functions/*/url", urls.create_function_url_config),
    ("GET", "2021-10-31/functions/*/url", urls.get_function_url_config),
    ("PUT", "2021-10-31/functions/*/url", urls.update_function_url_config),
    ("DELETE", "2021-10-31/functions/*/url", urls.delete_function_url_config),
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
    text = f"The local Lambda does not know {method} {path}."
    raise ApiError(404, "UnknownOperationException", text)
