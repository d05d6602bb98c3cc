"""What the API can answer in place of a result, and the error that becomes of it."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

pytest.importorskip("aiohttp", reason="needs cambist-anyspend[client]")
pytest.importorskip("stamina", reason="needs cambist-anyspend[client]")

from cambist import CambistError
from cambist_anyspend.client import (
    AnswerError,
    ManagementError,
    RefusedError,
    UnavailableError,
    WebhooksClient,
)

from .conftest import ENDPOINT
from .platform import ADMIN, READER, Fault, Platform, answers, endless, fails


async def failed(call: Any) -> ManagementError:
    """Return the error of a call, which is one line."""
    with pytest.raises(ManagementError) as caught:
        await call
    assert isinstance(caught.value, CambistError)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
    return caught.value


# What the platform says of its own accord.


async def test_the_key_is_unknown(platform: Platform, quick: Any) -> None:
    async with WebhooksClient("asp_unknown", base_url=platform.url, limits=quick) as client:
        refused = await failed(client.list())
    assert isinstance(refused, RefusedError)
    assert (refused.status, refused.code, refused.api_message) == (
        401,
        "invalid_api_key",
        "The API key is invalid.",
    )
    assert str(refused) == (
        "cannot list the webhooks: AnySpend answered 401; invalid_api_key: The API key is invalid."
    )


async def test_the_key_may_only_read(platform: Platform, quick: Any, webhook_id: str) -> None:
    async with WebhooksClient(READER, base_url=platform.url, limits=quick) as reader:
        assert [found.id for found in await reader.list()] == [webhook_id]
        assert (await reader.get(webhook_id)).id == webhook_id
        assert await reader.deliveries(webhook_id) == ()
        for call in (
            reader.create(ENDPOINT, ["payment.completed"]),
            reader.update(webhook_id, is_active=False),
            reader.delete(webhook_id),
            reader.send_test(webhook_id),
            reader.retry(webhook_id, "del_1"),
        ):
            refused = await failed(call)
            assert (type(refused), refused.status, refused.code) == (
                RefusedError,
                403,
                "insufficient_permissions",
            )
            assert not refused.may_have_happened
    assert len(platform.webhooks) == 1


async def test_what_is_not_there(client: WebhooksClient, webhook_id: str) -> None:
    for call in (
        client.get("wh_none"),
        client.update("wh_none", is_active=True),
        client.delete("wh_none"),
        client.send_test("wh_none"),
        client.deliveries("wh_none"),
        client.retry("wh_none", "del_1"),
        client.retry(webhook_id, "del_none"),
    ):
        refused = await failed(call)
        assert (type(refused), refused.status) == (RefusedError, 404)


async def test_only_a_failed_delivery_is_retried(
    client: WebhooksClient, platform: Platform, webhook_id: str
) -> None:
    refused = await failed(client.retry(webhook_id, platform.add_delivery(webhook_id)))
    assert (refused.status, refused.api_message) == (400, "The delivery must have a failed status.")


# What it may say further. Each is the answer to `list`, which is sent three times where that may help.

DOCUMENTED = {
    "type": "invalid_request_error",
    "code": "missing_required_field",
    "message": "The 'name' field is required.",
    "param": "name",
}
SAID = {
    "as documented": (
        json.dumps({"error": DOCUMENTED}),
        "missing_required_field",
        "The 'name' field is required.",
    ),
    "a message alone": ('{"success":false,"message":"No."}', None, "No."),
    "an error that is a string": ('{"success":false,"error":"No."}', None, "No."),
    "an error without a message": ('{"error":{"code":"some_code"}}', "some_code", None),
    "an error of other types": ('{"error":{"code":7,"message":["No."]}}', None, None),
    "an empty error": ('{"error":{}}', None, None),
    "not success": ('{"success":false}', None, None),
    "HTML": ("<html><h1>Forbidden</h1></html>", None, None),
    "nothing": ("", None, None),
    "no object": ('["No."]', None, None),
    "null": ("null", None, None),
    "several lines": (
        '{"error":{"message":"One\\r\\n\\tline\\u001b[31m\\u202e\\u0000."}}',
        None,
        "One line\\x1b[31m\\u202e\\x00.",
    ),
    "a long message": (json.dumps({"error": {"message": "x" * 10_000}}), None, "x" * 299 + "…"),
    "a long code": (json.dumps({"error": {"code": "x" * 10_000}}), "x" * 63 + "…", None),
    "a code of several lines": (json.dumps({"error": {"code": "some\ncode"}}), "some code", None),
    "the key": (json.dumps({"error": {"message": f"Key {ADMIN} is bad"}}), None, "Key **** is bad"),
    "another key": (
        '{"error":{"message":"Key asp_1234 and \\"whsec_5678\\" are bad"}}',
        None,
        'Key asp_**** and "whsec_****" are bad',
    ),
    "the key where it is cut": (
        json.dumps({"error": {"message": "x" * 290 + ADMIN}}),
        None,
        "x" * 290 + "****",
    ),
}


@pytest.mark.parametrize(("body", "code", "message"), SAID.values(), ids=list(SAID))
@pytest.mark.parametrize("status", [400, 503])
async def test_what_the_api_says(
    status: int, body: str, code: str | None, message: str | None, client: WebhooksClient, platform: Platform
) -> None:
    platform.next.extend([answers(status, body)] * 3)
    said = await failed(client.list())
    assert (said.status, said.code, said.api_message) == (status, code, message)
    assert type(said) is (RefusedError if status == 400 else UnavailableError)
    for part in (code, message):
        assert part is None or part in str(said)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((status, RefusedError) for status in (400, 401, 402, 403, 404, 405, 408, 409, 410, 415, 418, 422)),
        *((status, UnavailableError) for status in (429, 500, 501, 502, 503, 504, 520, 599)),
        *((status, AnswerError) for status in (300, 301, 302, 303, 304, 307, 308)),
    ],
)
async def test_each_status(
    status: int, expected: type[ManagementError], client: WebhooksClient, platform: Platform
) -> None:
    platform.next.extend([fails(status, Location=f"{platform.url}/elsewhere")] * 3)
    found = await failed(client.list())
    assert (type(found), found.status, found.may_have_happened) == (expected, status, False)
    assert len(platform.seen) == (3 if expected is UnavailableError else 1)
    assert not any("elsewhere" in seen.path for seen in platform.seen)


LIST = '{"success":true,"data":[{"id":"wh_1","url":"https://x.example","events":["a"],"is_active":true}]}'
UNREADABLE = {
    "HTML": (answers(200, "<html>Sign in</html>", Content_Type="text/html"), "is not valid JSON"),
    "nothing": (answers(200), "is not valid JSON"),
    "nothing, as 204": (answers(204), "is not valid JSON"),
    "cut JSON": (answers(200, LIST[:-10]), "is not valid JSON"),
    "not UTF-8": (answers(200, b'{"success":true,"data":"\xff"}'), "is not valid JSON"),
    "NaN": (answers(200, '{"success":true,"data":NaN}'), "is not valid JSON"),
    "deep": (answers(200, "[" * 100_000), "is nested too deeply"),
    "a long number": (answers(200, '{"success":true,"data":' + "9" * 5000 + "}"), "too long"),
    "no object": (answers(200, "[]"), "as documented: is not an object"),
    "null": (answers(200, "null"), "as documented: is not an object"),
    "no envelope": (answers(200, '{"data":[]}'), "success: is missing"),
    "success that is a word": (
        answers(200, '{"success":"yes","data":[]}'),
        "success: is missing, or neither",
    ),
    "no data": (answers(200, '{"success":true}'), "data: is missing"),
    "data of null": (answers(200, '{"success":true,"data":null}'), "data: is not a list"),
    "data that is no list": (answers(200, '{"success":true,"data":{}}'), "data: is not a list"),
    "a webhook that is none": (answers(200, '{"success":true,"data":[7]}'), "data[0]: is not an object"),
    "no identifier": (answers(200, LIST.replace('"id"', '"ID"')), "data[0].id: is missing"),
    "an empty identifier": (answers(200, LIST.replace("wh_1", "")), "data[0].id: is neither"),
    "a url that is none": (
        answers(200, LIST.replace('"https://x.example"', "7")),
        "data[0].url: is not a string",
    ),
    "events that are none": (answers(200, LIST.replace('["a"]', '"a"')), "data[0].events: is not a list"),
    "an event that is none": (answers(200, LIST.replace('["a"]', '["a",7]')), "data[0].events"),
    "active as a word": (answers(200, LIST.replace(":true}", ':"true"}')), "data[0].is_active: is not true"),
    "10 MiB": (answers(200, b'{"data":"' + b"x" * 10 * 1024 * 1024 + b'"}'), "is too large"),
    "no end": (endless, "is too large"),
    "100 MiB packed": (
        answers(200, gzip.compress(b" " * 100 * 1024 * 1024), Content_Encoding="gzip"),
        "is too large",
    ),
}


@pytest.mark.parametrize(("fault", "problem"), UNREADABLE.values(), ids=list(UNREADABLE))
async def test_an_answer_that_is_not_as_documented(
    fault: Fault, problem: str, client: WebhooksClient, platform: Platform
) -> None:
    platform.next.append(fault)
    found = await failed(client.list())
    assert type(found) is AnswerError
    assert problem in str(found)
    assert "Sign in" not in str(found)
    assert len(platform.seen) == 1
    assert not found.may_have_happened
    assert await client.list() == ()  # the next call is served


@pytest.mark.parametrize("fault", [endless, answers(503, b"x" * 2 * 1024 * 1024)], ids=["no end", "large"])
async def test_the_body_of_an_error_is_bounded_too(
    fault: Fault, client: WebhooksClient, platform: Platform
) -> None:
    platform.next.extend([fault] * 3)
    assert (await failed(client.list())).api_message is None


NO_SECRET = {
    "no secret": {"secret": None},
    "an empty secret": {"secret": " "},
    "a secret that is none": {"secret": {"value": "whsec_x"}},
    "no identifier": {"id": None},
    "no url": {"url": None},
}


@pytest.mark.parametrize("changes", NO_SECRET.values(), ids=list(NO_SECRET))
async def test_a_new_webhook_that_cannot_be_read(
    changes: dict[str, Any], client: WebhooksClient, platform: Platform
) -> None:
    made = {"id": "wh_1", "url": ENDPOINT, "events": ["a"], "is_active": True, "secret": "whsec_told_once"}
    platform.next.append(answers(200, json.dumps({"success": True, "data": {**made, **changes}})))
    found = await failed(client.create(ENDPOINT, ["payment.completed"]))
    assert (type(found), found.may_have_happened, found.status) == (AnswerError, True, 200)
    assert f"data.{min(changes)}: is" in str(found)
    assert "look before you repeat it" in str(found)
    assert "whsec_" not in str(found)


async def test_success_that_says_no(client: WebhooksClient, platform: Platform) -> None:
    platform.next.append(answers(200, '{"success":false,"error":{"code":"limit","message":"Too many."}}'))
    found = await failed(client.create(ENDPOINT, ["payment.completed"]))
    assert (type(found), found.status, found.may_have_happened) == (RefusedError, 200, False)
    assert str(found) == "cannot create the webhook: AnySpend says no; limit: Too many."


async def test_a_deletion_that_a_page_answers(client: WebhooksClient, platform: Platform) -> None:
    for body in ("<html>Sign in</html>", "null", '{"deleted":true}'):
        platform.next.append(answers(200, body))
        found = await failed(client.delete("wh_1"))
        assert (type(found), found.may_have_happened) == (AnswerError, True)
