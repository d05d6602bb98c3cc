"""An event's id: the same for each redelivery everywhere, another for each change a merchant must hear of."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from cambist import Delivery, Pipeline, Registry, Source, decode_json, encode_json
from cambist.testing import Case

# --- The same callback in two processes.

PRINT_EVENTS = """
import sys
from datetime import datetime
from pathlib import Path
from attrs import evolve
from cambist import CambistError, Pipeline, Registry, Source, to_json
from cambist.testing import load_cases

registry = Registry.load(["coinspaid"])
for case in load_cases(Path(sys.argv[1])):
    source = Source(case.delivery.source, case.provider, case.settings)
    pipeline = Pipeline([source], registry=registry)
    delivery = evolve(case.delivery, received_at=datetime.fromisoformat(sys.argv[2]))
    try:
        for event in pipeline.process(delivery).events:
            sys.stdout.buffer.write(to_json(event) + b"\\n")
    except CambistError as error:
        print(error, flush=True)
"""


def test_two_processes_make_the_same_bytes_but_for_the_time_of_arrival(cases: dict[str, Case]) -> None:
    folder = Path(__file__).parent / "cases"
    machines = [
        ("2026-01-15T12:00:00+00:00", {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"}),
        ("2026-05-31T23:59:59.5+02:00", {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"}),
    ]
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PRINT_EVENTS, str(folder), when],
            env={**os.environ, **environment},
            capture_output=True,
            check=True,
        ).stdout
        for when, environment in machines
    ]
    one, other = (re.sub(rb'"received_at":"[^"]*"', b"", output) for output in outputs)
    assert outputs[0] != outputs[1]
    assert one == other
    assert one.count(b"\n") == len(cases)


# --- What does not make another event.


def reordered(value: Any) -> Any:
    """Return the same JSON with the keys of each object in reverse."""
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(item) for item in value] if isinstance(value, list) else value


def respaced(body: bytes) -> bytes:
    """Return the same JSON with white space at each place where it may stand."""
    return re.sub(rb'("(?:\\.|[^"\\])*")|([{}\[\]:,])', rb"\1 \2\n\t", body)


def test_spacing_and_the_order_of_keys_do_not_matter(documented: Case, shop: Any) -> None:
    body = documented.delivery.body
    event = shop.event(body)
    reversed_ = encode_json(reordered(decode_json(body)))
    for same in (respaced(body), reversed_, respaced(reversed_)):
        assert same != body
        again = shop.event(same)
        assert again.id == event.id
        assert again.raw_digest == sha256(same).hexdigest() != event.raw_digest
        assert (again.amounts, again.transactions, again.fees) == (
            event.amounts,
            event.transactions,
            event.fees,
        )


def test_neither_the_time_of_arrival_nor_the_headers_matter(documented: Case, shop: Any) -> None:
    first = documented.delivery
    assert first.received_at is not None
    later = Delivery(
        "shop",
        [*first.headers.items_all(), ("X-Attempt", "12"), ("User-Agent", "another")],
        first.body,
        first.received_at + timedelta(days=1),
        path="/elsewhere",
        remote="192.0.2.1",
    )
    (one,), (other,) = shop.pipeline.process(first).events, shop.pipeline.process(later).events
    assert one.id == other.id
    assert one.received_at != other.received_at


# --- What does. Each is a change of this body; the two spellings of a number are no change.

DEPOSIT = (
    b'{"id":1,"type":"deposit","status":"not_confirmed","transactions":'
    b'[{"id":7,"currency":"BTC","amount":"1","confirmations":0}]}'
)
SAME = {
    "id as a string": (b'"id":1,', b'"id":"1",'),
    "the transaction's id as a string": (b'"id":7', b'"id":"7"'),
    "confirmations as a string": (b'"confirmations":0', b'"confirmations":"0"'),
    "a field more": (b'"id":1,', b'"id":1,"new":true,'),
    "null for what is absent": (b'"id":1,', b'"id":1,"error":null,"fees":null,"currency_sent":null,'),
}
OTHER = {
    "id": (b'"id":1,', b'"id":2,'),
    "type": (b'"deposit"', b'"deposit_exchange"'),
    "status": (b"not_confirmed", b"confirmed"),
    "an unknown status": (b"not_confirmed", b"held"),
    "confirmations": (b'"confirmations":0', b'"confirmations":1'),
    "no confirmations": (b',"confirmations":0', b""),
    "another transaction": (b'"id":7', b'"id":8'),
    "one transaction more": (b"[{", b'[{"id":6,"currency":"BTC","amount":"1","confirmations":0},{'),
    "no transaction": (b'{"id":7,"currency":"BTC","amount":"1","confirmations":0}', b""),
}


def edited(old: bytes, new: bytes) -> bytes:
    assert DEPOSIT.count(old) == 1
    return DEPOSIT.replace(old, new)


@pytest.mark.parametrize("edit", SAME.values(), ids=SAME)
def test_another_spelling_is_the_same_event(edit: tuple[bytes, bytes], shop: Any) -> None:
    assert shop.event(edited(*edit)).id == shop.event(DEPOSIT).id


def test_each_change_is_another_event(shop: Any) -> None:
    bodies = [DEPOSIT, *(edited(*edit) for edit in OTHER.values())]
    assert len({shop.event(body).id for body in bodies}) == len(bodies)


def test_another_source_is_another_event(shop: Any, registry: Registry) -> None:
    delivery = shop.signed(DEPOSIT)
    other = Pipeline([Source("other-shop", "coinspaid", {"secrets": ["AbCdEfG123456"]})], registry=registry)
    (event,) = other.process(Delivery("other-shop", delivery.headers, DEPOSIT)).events
    assert event.id != shop.event(DEPOSIT).id


def test_which_secret_matched_does_not_make_another_event(shop: Any, registry: Registry) -> None:
    secrets = ["the-new-one", {"value": "AbCdEfG123456", "label": "old"}]
    rotating = Pipeline([Source("shop", "coinspaid", {"secrets": secrets})], registry=registry)
    (event,) = rotating.process(shop.signed(DEPOSIT)).events
    assert event.verification.label == "old"
    assert event.id == shop.event(DEPOSIT).id


# The sums of a payment request and the error of a callback do not show in `transactions`.

REQUEST = (
    b'{"payment_request_id":"a","type":"payment_request","status":"processing","currency_sent":'
    b'{"currency":{"iso":"BTC"},"expected_amount":"2","received_amount":"0","remaining_amount":"2"}}'
)


def test_money_that_comes_in_makes_another_event_of_a_payment_request(shop: Any) -> None:
    later = REQUEST.replace(b'"0"', b'"1"').replace(b'g_amount":"2"', b'g_amount":"1"')
    assert later != REQUEST
    assert shop.event(later).id != shop.event(REQUEST).id


def test_the_answer_of_create_invoice_is_not_the_invoice_callback(shop: Any) -> None:
    answer = shop.event(b'{"data":{"id":1,"status":"pending","currency":"EUR","amount":"1"}}')
    callback = shop.event(b'{"id":1,"type":"invoice","status":"pending"}')
    assert answer.payment.id == callback.payment.id
    assert answer.id != callback.id


def test_an_id_is_what_it_was_in_the_first_release(shop: Any) -> None:
    """Recomputed by hand: deduplication and stored references break if this changes."""
    identity = b'["coinspaid","shop","deposit","1","not_confirmed","7:0"]'
    assert shop.event(DEPOSIT).id == f"evt_{sha256(identity).hexdigest()[:32]}"
    assert shop.event(DEPOSIT).received_at == datetime.fromisoformat("2026-01-15T12:00:00Z")
