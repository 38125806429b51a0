"""Reserved and account concurrency: settings, throttles and their reasons; tags."""

import asyncio
from typing import Any

PATH = "/2017-10-31/functions/f/concurrency"
READ = "/2019-09-30/functions/f/concurrency"


def reserve(api: Any, concurrency: int, name: str = "f") -> Any:
    return api.call(
        "PUT",
        f"/2017-10-31/functions/{name}/concurrency",
        {"ReservedConcurrentExecutions": concurrency},
    )


def finish(api: Any, calls: list[Any]) -> list[int]:
    api.host.gate.set()
    return [answer.status for answer in api.run(gather(calls))]


async def gather(calls: list[Any]) -> list[Any]:
    return list(await asyncio.gather(*calls))


def test_reserved_concurrency_is_put_read_and_deleted(api: Any) -> None:
    api.ready()
    assert api.call("GET", READ).body == {}
    reply = reserve(api, 5)
    assert (reply.status, reply.body) == (200, {"ReservedConcurrentExecutions": 5})
    assert api.call("GET", READ).body == {"ReservedConcurrentExecutions": 5}
    function = api.call("GET", "/2015-03-31/functions/f").body
    assert function["Concurrency"] == {"ReservedConcurrentExecutions": 5}
    assert api.call("DELETE", PATH).status == 204
    assert "Concurrency" not in api.call("GET", "/2015-03-31/functions/f").body


def test_zero_switches_a_function_off(api: Any) -> None:
    api.ready()
    reserve(api, 0)
    reply = api.invoke("f")
    assert (reply.status, reply.error) == (429, "TooManyRequestsException")
    assert reply.body == {
        "Type": "User",
        "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
        "message": "Rate Exceeded.",
    }


def test_calls_beyond_the_reservation_are_throttled_until_one_ends(api: Any) -> None:
    api.ready()
    reserve(api, 2)
    calls = api.begin("f", "f")
    assert api.invoke("f").status == 429
    assert finish(api, calls) == [200, 200]
    assert api.invoke("f").status == 200


def test_the_account_limit_is_shared_and_has_its_own_reason(api: Any) -> None:
    api.run(api.service.close())
    api.open(account_concurrency=2)
    api.ready("f")
    api.ready("g")
    calls = api.begin("f", "g")
    reply = api.invoke("g")
    assert reply.body["Reason"] == "ConcurrentInvocationLimitExceeded"
    assert finish(api, calls) == [200, 200]


def test_a_deleted_reservation_is_free_again(api: Any) -> None:
    api.ready()
    reserve(api, 0)
    api.call("DELETE", "/2015-03-31/functions/f")
    api.ready()
    assert api.invoke("f").status == 200


def test_a_hundred_stay_unreserved(api: Any) -> None:
    api.ready()
    api.ready("g")
    assert reserve(api, 600).status == 200
    reply = reserve(api, 301, "g")
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")
    assert reply.body == {
        "message": "Specified ReservedConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100]."
    }
    assert reserve(api, 300, "g").status == 200


def test_account_settings_tell_what_is_left(api: Any) -> None:
    api.ready()
    reserve(api, 600)
    told = api.call("GET", "/2016-08-19/account-settings").body
    assert told["AccountLimit"]["ConcurrentExecutions"] == 1000
    assert told["AccountLimit"]["UnreservedConcurrentExecutions"] == 400
    assert told["AccountUsage"]["FunctionCount"] == 1


def test_only_whole_functions_have_a_reservation(api: Any) -> None:
    api.ready()
    reply = reserve(api, 1, "f:1")
    assert reply.error == "InvalidParameterValueException"
    assert reply.text == (
        "This operation is permitted on Lambda functions only. Aliases and versions do not "
        "support this operation. Please specify either a function name or an unqualified "
        "function ARN."
    )


def test_an_unknown_function_comes_before_a_bad_value(api: Any) -> None:
    reply = reserve(api, -1, "nobody")
    assert (reply.status, reply.error) == (404, "ResourceNotFoundException")
    assert reply.body["Message"].endswith(":function:nobody:$LATEST")
    api.ready()
    assert reserve(api, -1).error == "ValidationException"


def test_tags_are_added_listed_and_removed(api: Any) -> None:
    api.ready(Tags={"a": "1"})
    path = "/2017-03-31/tags/arn:aws:lambda:eu-west-1:000000000000:function:f"
    assert api.call("POST", path, {"Tags": {"b": "2", "c": "3"}}).status == 204
    assert api.call("DELETE", path, tagKeys="a,c").status == 204
    assert api.call("GET", path).body == {"Tags": {"b": "2"}}
    assert api.call("GET", "/2015-03-31/functions/f").body["Tags"] == {"b": "2"}


def test_tags_wait_for_an_update_and_belong_to_whole_functions(api: Any) -> None:
    api.ready()
    path = "/2017-03-31/tags/arn:aws:lambda:eu-west-1:000000000000:function:f"
    api.call("PUT", "/2015-03-31/functions/f/configuration", {"Timeout": 9})
    assert api.call("POST", path, {"Tags": {"a": "b"}}).status == 409
    assert api.call("GET", f"{path}:1").error == "InvalidParameterValueException"
    assert api.call("POST", path, {"Tags": {"a": 1}}).error == "SerializationException"
