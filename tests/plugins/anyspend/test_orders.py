"""The order-completed callback's answer, and what it takes to be an order."""

from __future__ import annotations

import json

import pytest

from cambist import Kind, PaymentEvent, Receiver, Status
from cambist.errors import PayloadError, VerificationError
from cambist.testing import Case

from .conftest import API_KEY, ARRIVAL, Shop

ORDER = b'{"orderId":"1","status":"executed","event":"order.completed","callbackMetadata":{"workflowId":"w"}}'


def answer(shop: Shop, body: bytes) -> dict[str, str]:
    acknowledgement = shop.send("orders", body).acknowledgement
    assert (acknowledgement.status, acknowledgement.content_type) == (200, "application/json")
    document = json.loads(acknowledgement.body)
    assert document.keys() == {"executionId", "runId"}
    return document


def test_the_answer_names_the_event_and_the_run_of_its_order(shop: Shop) -> None:
    given = answer(shop, ORDER)
    assert given["executionId"] == shop.event("orders", ORDER).id
    assert given["runId"].startswith("run_")


def test_the_answer_is_the_same_for_ever(shop: Shop) -> None:
    """A redelivery can be far away: no release may change how the pair is made."""
    assert answer(shop, ORDER) == {
        "executionId": "evt_468f91032445e2071f1b92f42f6fe39f",
        "runId": "run_138feb7e8be4f3cd12168f2942285016",
    }


def test_a_redelivery_gets_the_same_answer(cases: dict[str, Case], shop: Shop) -> None:
    first, again = (cases[name].delivery.body for name in ("order_executed", "order_executed_again"))
    assert answer(shop, first) == answer(shop, again)


def test_callbacks_of_one_order_have_one_run_and_an_execution_each(shop: Shop) -> None:
    words = (b"executing", b"executed", b"refunding")
    answers = [answer(shop, ORDER.replace(b"executed", word)) for word in words]
    assert len({each["executionId"] for each in answers}) == 3
    assert len({each["runId"] for each in answers}) == 1


def test_another_order_of_the_same_workflow_has_a_run_of_its_own(shop: Shop) -> None:
    assert answer(shop, ORDER)["runId"] != answer(shop, ORDER.replace(b'"1"', b'"2"'))["runId"]


@pytest.mark.parametrize("body", [b"{}", b'{"status":"executed"}', b'{"orderid":"1"}', b'{"order":{"id":1}}'])
def test_a_body_that_names_no_order_is_refused_by_that_name(body: bytes, shop: Shop) -> None:
    with pytest.raises(PayloadError) as caught:
        shop.send("orders", body)
    assert caught.value.faults == (("orderId", "is missing"),)
    assert caught.value.status_hint == 400


def test_a_bearer_token_in_place_of_the_key_is_refused(shop: Shop) -> None:
    """The document's code samples send one beside the key; what authenticates is the key."""
    with pytest.raises(VerificationError) as caught:
        shop.send("orders", ORDER, proof=[("Authorization", f"Bearer {API_KEY}")])
    assert caught.value.status_hint == 401


def test_callback_metadata_are_passed_on_as_they_are(shop: Shop) -> None:
    given = {"workflowId": "w", "orgId": None, "inputs": [{"deep": {"er": []}}, True, "ä"], "": ""}
    body = json.dumps({"orderId": 1, "callbackMetadata": given}).encode()
    assert shop.event("orders", body).metadata == given


def test_the_path_alone_completes_nothing(shop: Shop) -> None:
    for body in (
        b'{"orderId":"1"}',
        b'{"orderId":"1","event":"order.completed"}',
        b'{"orderId":"1","status":""}',
    ):
        event = shop.event("orders", body)
        assert (event.kind, event.status, event.final) == (Kind.PAYMENT, Status.UNKNOWN, False)
        assert [anomaly.path for anomaly in event.anomalies] == ["status"]


async def test_the_documented_statuses_go_out_over_the_receiver(shop: Shop) -> None:
    from cambist import Delivery

    async def on_event(event: PaymentEvent) -> None:
        assert event.provider == "anyspend-order"

    receiver = Receiver(shop.pipeline, on_event)
    key = [("X-API-Key", API_KEY)]
    for headers, body, status in ((key, ORDER, 200), (key, b"{}", 400), ((), ORDER, 401)):
        acknowledgement = await receiver.receive(Delivery("orders", headers, body, ARRIVAL))
        assert acknowledgement.status == status
    assert b"orderId" in (await receiver.receive(Delivery("orders", key, b"{}", ARRIVAL))).body
