"""Events go to JSON and back without a loss, and are what the schema says."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from cambist import (
    SCHEMA,
    Amounts,
    Asset,
    BaseUnits,
    Kind,
    Money,
    Payment,
    PaymentEvent,
    Rate,
    Status,
    Transaction,
    event_schema,
    exact,
    from_json,
    to_json,
    to_plain,
)
from cambist._dump import dumper
from cambist.errors import PayloadError

VALIDATOR = Draft202012Validator(event_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)

# Every field of every part, by its type: a part that is added later is covered from then on.

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=zones)  # noqa: DTZ001
decimals = st.builds(
    "{}E{}".format, st.integers(-(10**40), 10**40) | st.integers(0, 9), st.integers(-60, 60)
).map(exact)
texts = st.sampled_from(["", "é", "\x00", '"\\', "BTC"]) | st.text(max_size=6)
numbers = decimals | st.integers()
documents = st.recursive(
    st.none() | st.booleans() | texts | numbers,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
MONEY = st.builds(Money, amount=decimals, asset=st.deferred(lambda: of(Asset))) | st.builds(
    Money, base_units=st.integers(0, 2**256).map(BaseUnits), asset=st.deferred(lambda: of(Asset))
)
LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: st.integers(0, 10**6),
    Decimal: decimals,
    datetime: times,
    Money: MONEY,
}
FIXED: dict[str, st.SearchStrategy[Any]] = {
    "id": st.just("evt_" + "0f" * 16),
    "schema": st.just(SCHEMA),
    "raw_digest": st.just("0f" * 32),
}


def of(hint: Any) -> st.SearchStrategy[Any]:
    if hint in LEAVES:
        return LEAVES[hint]
    if get_origin(hint) in (Union, types.UnionType):
        return st.one_of(st.none(), *(of(each) for each in get_args(hint) if each is not type(None)))
    if get_origin(hint) is tuple:
        return st.lists(of(get_args(hint)[0]), max_size=2).map(tuple)
    if get_origin(hint) is Mapping:
        return st.dictionaries(texts, documents, max_size=3)
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    hints = get_type_hints(hint)
    names = [attribute.name for attribute in attrs.fields(hint)]
    fixed = FIXED if hint is PaymentEvent else {}
    return st.builds(hint, **{name: fixed[name] if name in fixed else of(hints[name]) for name in names})


events = of(PaymentEvent)


def least(**members: Any) -> PaymentEvent:
    return PaymentEvent(
        **{
            "id": "evt_" + "0f" * 16,
            "provider": "toy",
            "source": "shop",
            "kind": Kind.TEST,
            "status": Status.UNKNOWN,
            "raw_digest": "0f" * 32,
            "plugin_version": "toy 1",
            **members,
        }
    )


@settings(max_examples=150)
@given(events)
def test_nothing_is_lost_on_the_way_to_json_and_back(event: PaymentEvent) -> None:
    written = to_json(event)
    again = from_json(written)
    assert again == event
    assert to_json(again) == written
    assert from_json(written.decode()) == event
    VALIDATOR.validate(json.loads(written))


@settings(max_examples=150)
@given(events)
def test_the_generated_writer_does_what_a_walk_over_the_classes_does(event: PaymentEvent) -> None:
    written = json.loads(to_json(event), parse_float=Decimal)
    assert list(written) == [*(field.name for field in attrs.fields(PaymentEvent)), "final"]
    assert written == {**walked(event), "final": event.final}
    assert type(to_plain(event)["kind"]) is str


def walked(value: Any, name: str = "") -> Any:
    """Return plain data of an event: all of its members, and of its parts those that say something."""
    if attrs.has(type(value)):
        whole = isinstance(value, PaymentEvent)
        members = {each.name: getattr(value, each.name) for each in attrs.fields(type(value))}
        return {
            name.rstrip("_"): walked(member, name)
            for name, member in members.items()
            if whole or member not in (None, Asset())
        }
    if isinstance(value, Mapping):
        return {key: walked(item, "metadata") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [walked(item, name) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal) and name != "metadata":
        return format(value, "f")
    return str(value) if name == "base_units" else value


def test_a_field_that_has_no_form_in_json_is_refused() -> None:
    @attrs.frozen
    class Odd:
        money: Money
        number: complex

    with pytest.raises(TypeError, match="complex"):
        dumper(Odd)


def test_an_event_as_it_is_written() -> None:
    event = least(
        status=Status.COMPLETED,
        payment=Payment("1", customer_reference="c"),
        amounts=Amounts(
            received=Money(exact("0.10882300"), Asset("BTC")), net=Money(base_units=BaseUnits(7))
        ),
        transactions=(Transaction(from_="a", confirmations=0, risk_score=exact("0.42")),),
        rate=Rate(exact("1E-18")),
        occurred_at=datetime(2026, 1, 1, 14, tzinfo=timezone(timedelta(hours=2))),
        metadata={"n": exact("1.50"), "big": 10**40, "a": [True, None]},
    )
    assert to_json(event).decode() == (
        '{"id":"evt_0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f","schema":"cambist.event/1","provider":"toy",'
        '"source":"shop","kind":"test","status":"completed","provider_type":null,"provider_status":null,'
        '"payment":{"id":"1","customer_reference":"c"},'
        '"amounts":{"received":{"amount":"0.10882300","asset":{"code":"BTC"}},"net":{"base_units":"7"}},'
        '"fees":[],"transactions":[{"from":"a","confirmations":0,"risk_score":"0.42"}],"refunds":[],'
        '"card":null,"parties":[],"quote":null,"failure":null,"rate":{"value":"0.000000000000000001"},'
        '"occurred_at":"2026-01-01T12:00:00Z","received_at":null,"verification":null,'
        '"metadata":{"n":1.50,"big":10000000000000000000000000000000000000000,"a":[true,null]},'
        '"anomalies":[],"raw_digest":"' + "0f" * 32 + '","plugin_version":"toy 1","final":true}'
    )


@pytest.mark.parametrize(
    "metadata",
    [
        types.MappingProxyType({"a": 1}),
        {"deep": [[[[{"a": [exact("0.10")]}]]]]},
        {"exact": [exact("0.10882300"), exact("1E-18"), 2**70, -0]},
    ],
    ids=str,
)
def test_metadata_is_any_mapping_with_exact_numbers(metadata: Mapping[str, Any]) -> None:
    event = least(metadata=metadata)
    assert from_json(to_json(event)) == event
    assert to_json(from_json(to_json(event))) == to_json(event)


def test_metadata_may_be_a_hundred_levels_deep() -> None:
    metadata: dict[str, Any] = {}
    for _ in range(99):
        metadata = {"a": metadata}
    assert from_json(to_json(least(metadata=metadata))).metadata == metadata
    with pytest.raises(PayloadError, match="metadata: is nested too deeply"):
        from_json(to_json(least(metadata={"a": metadata})))


GOOD = json.loads(to_json(least(rate=Rate(exact("1")), transactions=(Transaction(id="1"),))))
SECRET = "4111111111111111"


@pytest.mark.parametrize(
    ("member", "value", "path"),
    [
        ("schema", "cambist.event/2", "schema"),
        ("schema", None, "schema"),
        ("id", 5, "id"),
        ("kind", SECRET, "kind"),
        ("status", SECRET, "status"),
        ("status", None, "status"),
        ("final", True, "final"),
        ("final", "false", "final"),
        ("payment", None, "payment"),
        ("payment", {"id": 4111111111111111}, "payment.id"),
        ("payment", {"idd": SECRET}, "payment.idd"),
        ("amounts", {"sent": {}}, "amounts.sent"),
        ("amounts", {"sent": {"amount": 1}}, "amounts.sent.amount"),
        ("amounts", {"sent": {"amount": "NaN"}}, "amounts.sent.amount"),
        ("amounts", {"sent": {"amount": f"{SECRET}x"}}, "amounts.sent.amount"),
        ("amounts", {"sent": {"base_units": 4111111111111111}}, "amounts.sent.base_units"),
        ("amounts", {"sent": {"base_units": "4111.0"}}, "amounts.sent.base_units"),
        ("amounts", {"sent": {"amount": "1", "base_units": "1"}}, "amounts.sent"),
        ("amounts", {"sent": {"amount": "1", "asset": SECRET}}, "amounts.sent.asset"),
        ("fees", {}, "fees"),
        ("fees", SECRET, "fees"),
        ("fees", [{"type": "a"}, {"money": SECRET}], "fees[1].money"),
        ("transactions", [{"from_": SECRET}], "transactions[0].from_"),
        ("transactions", [{"confirmations": "3"}], "transactions[0].confirmations"),
        ("transactions", [{"risk_score": 0.5}], "transactions[0].risk_score"),
        ("parties", [{"id": SECRET}], "parties[0].role"),
        ("rate", {}, "rate.value"),
        ("occurred_at", "2026-01-01T12:00:00", "occurred_at"),
        ("occurred_at", SECRET, "occurred_at"),
        ("occurred_at", 4111111111, "occurred_at"),
        ("occurred_at", "0001-01-01T00:00:00+01:00", "occurred_at"),
        ("metadata", None, "metadata"),
        ("metadata", [SECRET], "metadata"),
        ("anomalies", [{"path": "a"}], "anomalies[0].problem"),
        ("card_number", SECRET, "card_number"),
    ],
    ids=str,
)
def test_a_document_of_another_form_is_refused_by_path_and_without_values(
    member: str, value: object, path: str
) -> None:
    with pytest.raises(PayloadError) as caught:
        from_json(json.dumps({**GOOD, member: value}))
    assert [fault.path for fault in caught.value.faults] == [path]
    assert "4111" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("member", GOOD)
def test_every_member_of_an_event_has_to_be_there(member: str) -> None:
    with pytest.raises(PayloadError) as caught:
        from_json(json.dumps({name: value for name, value in GOOD.items() if name != member}))
    assert [fault.path for fault in caught.value.faults] == [member]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'"4111"', "4111", b"\xff", "\ud800", b"{}"])
def test_what_is_no_event_at_all_is_refused(data: bytes | str) -> None:
    with pytest.raises(PayloadError) as caught:
        from_json(data)
    assert "4111" not in str(caught.value)


def test_all_faulty_paths_are_told_at_once() -> None:
    with pytest.raises(PayloadError) as caught:
        from_json(json.dumps({**GOOD, "id": 1, "rate": {"value": 1}, "fees": [{"type": 1}], "new": 1}))
    assert {fault.path for fault in caught.value.faults} == {"id", "rate.value", "fees[0].type", "new"}
