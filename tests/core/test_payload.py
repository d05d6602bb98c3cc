"""A payload is read as its TypedDict says: what must fit is a fault with its path, what may not is noted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypedDict, Union

import pytest

from cambist import BaseUnits, Context, Count, Delivery, Identifier, Ignored, IsoTime, Soft, UnixTime
from cambist._payload import read
from cambist.errors import PayloadError


class Payer(TypedDict):
    name: Soft[str]
    account: str


class Fee(TypedDict):
    amount: Decimal
    currency: str | None
    type: Soft[str]


class Order(TypedDict):
    id: Identifier
    state: str
    amount: Decimal
    fee: Decimal | None
    steps: int | None
    tip: Soft[Decimal]
    confirmations: Soft[Count]
    paid: Soft[bool]
    at: Soft[UnixTime]
    done: Soft[IsoTime]
    wei: BaseUnits | None
    tag: Soft[Identifier]
    payer: Payer | None
    witness: Soft[Payer]
    fees: list[Fee] | None
    extras: Soft[list[Fee]]
    names: Union[list[str], None]  # noqa: UP007  # the older spelling is a hint too
    levels: Soft[list[Decimal]]
    data: Mapping[str, Any] | None
    any: Soft[Any]
    note: Ignored


def nested(levels: int) -> dict[str, Any]:
    return {"a": nested(levels - 1)} if levels > 1 else {}


LEAST = {"id": 1, "state": "paid", "amount": "0.10"}


def order(**members: Any) -> dict[str, Any]:
    return {**LEAST, **members}


def result_of(document: Any, cls: type = Order) -> Any:
    found, faults, odd = read(cls, document)
    return found, [tuple(fault) for fault in faults], [tuple(fault) for fault in odd]


@pytest.mark.parametrize(
    ("member", "given_", "value"),
    [
        ("id", 7, "7"),
        ("id", 10**40, str(10**40)),
        ("id", "a-7", "a-7"),
        ("state", "", ""),
        ("amount", "0.01000000", Decimal("0.01000000")),
        ("amount", 381, Decimal(381)),
        ("amount", Decimal("1E-18"), Decimal("1E-18")),
        ("fee", None, None),
        ("steps", 0, 0),
        ("tip", "", None),
        ("tip", "1.50", Decimal("1.50")),
        ("confirmations", "003", 3),
        ("confirmations", 3, 3),
        ("paid", False, False),
        ("at", 1592307241, datetime(2020, 6, 16, 11, 34, 1, tzinfo=UTC)),
        ("done", "2020-06-16T13:34:01.5+02:00", datetime(2020, 6, 16, 11, 34, 1, 500000, UTC)),
        ("wei", "0", 0),
        ("wei", str(10**78), 10**78),
        ("wei", 10**78, 10**78),
        ("tag", "", None),
        ("tag", 0, "0"),
        ("payer", {"account": "x", "name": ""}, {"account": "x", "name": None}),
        ("witness", "", None),
        ("fees", [], []),
        ("fees", [{"amount": 1}, {"amount": "2.0"}], [{"amount": Decimal(1)}, {"amount": Decimal("2.0")}]),
        ("names", ["a", ""], ["a", ""]),
        ("levels", ["1.0", 2], [Decimal("1.0"), Decimal(2)]),
        ("data", nested(100), nested(100)),
        ("data", {"deep": [{"er": 1.0}]}, {"deep": [{"er": 1.0}]}),
        ("any", [1], [1]),
        ("note", {"whatever": 1}, {"whatever": 1}),
    ],
)
def test_what_fits_is_taken_without_a_word(member: str, given_: object, value: object) -> None:
    found, faults, odd = result_of(order(**{member: given_}))
    assert repr(found[member]) == repr(value)
    assert (faults, odd) == ([], [])


NOT_A_NUMBER = "is not a finite decimal number of at most 128 digits"
NO_IDENTIFIER = "is neither an integer nor a string, or is empty"


@pytest.mark.parametrize(
    ("member", "given_", "path", "problem"),
    [
        ("id", None, "id", NO_IDENTIFIER),
        ("id", "", "id", NO_IDENTIFIER),
        ("id", True, "id", NO_IDENTIFIER),
        ("id", Decimal("1.5"), "id", NO_IDENTIFIER),
        ("id", [1], "id", NO_IDENTIFIER),
        ("state", None, "state", "is not a string"),
        ("state", 1, "state", "is not a string"),
        ("state", False, "state", "is not a string"),
        ("amount", None, "amount", "is not a number"),
        ("amount", True, "amount", "is not a number"),
        ("amount", {}, "amount", "is not a number"),
        ("amount", 0.1, "amount", "is a binary float, which is not exact"),
        ("amount", "", "amount", NOT_A_NUMBER),
        ("amount", "1_0", "amount", NOT_A_NUMBER),
        ("amount", "١٢", "amount", NOT_A_NUMBER),
        ("amount", "NaN", "amount", NOT_A_NUMBER),
        ("amount", "Infinity", "amount", NOT_A_NUMBER),
        ("amount", "1e999999999", "amount", NOT_A_NUMBER),
        ("amount", 10**128, "amount", NOT_A_NUMBER),
        ("amount", Decimal("NaN"), "amount", NOT_A_NUMBER),
        ("fee", "", "fee", NOT_A_NUMBER),
        ("steps", True, "steps", "is not an integer"),
        ("steps", "1", "steps", "is not an integer"),
        ("steps", Decimal("1"), "steps", "is not an integer"),
        ("payer", [], "payer", "is not an object"),
        ("payer", "x", "payer", "is not an object"),
        ("payer", {}, "payer.account", "is missing"),
        ("payer", {"account": None}, "payer.account", "is not a string"),
        ("fees", {}, "fees", "is not a list"),
        ("fees", "no", "fees", "is not a list"),
        ("fees", [None], "fees[0]", "is not an object"),
        ("fees", [{"amount": 1}, {"amount": "x"}], "fees[1].amount", NOT_A_NUMBER),
        ("fees", [{"amount": 1, "currency": 5}], "fees[0].currency", "is not a string"),
        ("names", ["a", 1], "names[1]", "is not a string"),
        *(
            ("wei", wrong, "wei", "is not a whole number of base units")
            for wrong in ("", "-1", -1, "1.0", Decimal(1), True, "٣", "1" * 129, 10**128)
        ),
        ("data", [], "data", "is not an object"),
        ("data", nested(101), "data", "is nested too deeply"),
        ("data", {"a": [nested(99)]}, "data", "is nested too deeply"),
    ],
)
def test_what_must_fit_and_does_not_is_a_fault(member: str, given_: object, path: str, problem: str) -> None:
    assert result_of(order(**{member: given_})) == (None, [(path, problem)], [])


@pytest.mark.parametrize(
    ("member", "given_", "path", "problem"),
    [
        ("tip", "free", "tip", NOT_A_NUMBER),
        ("tip", "NaN", "tip", NOT_A_NUMBER),
        ("tip", True, "tip", "is not a number"),
        ("confirmations", "-1", "confirmations", "is not a whole number"),
        ("confirmations", -1, "confirmations", "is not a whole number"),
        ("confirmations", "٣", "confirmations", "is not a whole number"),
        ("confirmations", "9" * 19, "confirmations", "is not a whole number"),
        ("confirmations", True, "confirmations", "is not a whole number"),
        ("paid", 1, "paid", "is not true or false"),
        ("paid", "false", "paid", "is not true or false"),
        ("at", "1592307241", "at", "is not a Unix time"),
        ("at", True, "at", "is not a Unix time"),
        ("at", 10**20, "at", "is not a Unix time"),
        *(
            ("done", wrong, "done", "is not an ISO 8601 time with a zone")
            for wrong in (
                "2020-06-16",
                "2020-06-16T13:34:01",
                "noon",
                1592307241,
                "0001-01-01T00:00:00+01:00",
            )
        ),
        ("tag", False, "tag", NO_IDENTIFIER),
        ("witness", [], "witness", "is not an object"),
        ("witness", {"name": "x"}, "witness.account", "is missing"),
        ("extras", [{"amount": 1}, {}], "extras[1].amount", "is missing"),
        ("levels", ["1", "x"], "levels[1]", NOT_A_NUMBER),
        ("levels", {}, "levels", "is not a list"),
    ],
)
def test_what_is_soft_and_does_not_fit_is_none_and_noted(
    member: str, given_: object, path: str, problem: str
) -> None:
    found, faults, odd = result_of(order(**{member: given_}))
    assert found[member] is None
    assert (faults, odd) == ([], [(path, problem)])


@pytest.mark.parametrize("member", Order.__annotations__)
def test_only_what_is_required_has_to_be_there(member: str) -> None:
    found, faults, odd = result_of({key: value for key, value in LEAST.items() if key != member})
    required = member in LEAST
    assert faults == ([(member, "is missing")] if required else [])
    assert (found is None) is required
    assert odd == []


@pytest.mark.parametrize("document", [None, [], "x", 1, True, Decimal("1.5"), [LEAST]])
def test_a_document_that_is_no_object_is_one_fault(document: object) -> None:
    assert result_of(document) == (None, [("", "is not an object")], [])


def test_all_faulty_paths_are_listed() -> None:
    document = order(id=[], amount="x", payer={"name": 5}, fees=[{}, 1, {"amount": 1, "currency": 2}], paid=9)
    _, faults, odd = result_of(document)
    assert [path for path, _ in faults] == [
        "id",
        "amount",
        "payer.account",
        "fees[0].amount",
        "fees[1]",
        "fees[2].currency",
    ]
    assert [path for path, _ in odd] == ["paid", "payer.name"]


def test_unknown_keys_are_noted_and_are_no_faults() -> None:
    payer = {"account": "x", "vip": 1}
    found, faults, odd = result_of(order(new=1, payer=payer, witness=payer, fees=[{"amount": 1, "vat": 1}]))
    assert (found["new"], found["witness"], faults) == (1, {"account": "x", "vip": 1}, [])
    assert sorted(path for path, _ in odd) == ["fees[0].vat", "new", "payer.vip", "witness.vip"]
    assert {problem for _, problem in odd} == {"is a field that this release does not know"}


def test_the_faults_of_a_part_are_told_by_where_the_part_stands() -> None:
    context = Context(Delivery("shop", {}, b""), None, {})
    part = order(amount="x", payer={"name": 5}, fees=[{"amount": 1}, 1])
    with pytest.raises(PayloadError) as caught:
        context.read(Order, part, "payload.orders[3]")
    assert [path for path, _ in caught.value.faults] == [
        "payload.orders[3].amount",
        "payload.orders[3].payer.account",
        "payload.orders[3].fees[1]",
    ]
    with pytest.raises(PayloadError) as caught:
        context.read(Order, path="payload.orders[4]", document=None)
    assert caught.value.faults == (("payload.orders[4]", "is not an object"),)
    assert context.anomalies == []


def test_the_oddities_of_a_part_are_told_by_where_the_part_stands() -> None:
    context = Context(Delivery("shop", {}, b""), None, {})
    part = order(tip="much", new=1, payer={"account": "x", "vip": 1})
    assert context.read(Order, part, "payload.order") is part
    assert context.read(Order, order(new=1))["id"] == "1"
    told = sorted(anomaly.path for anomaly in context.anomalies)
    assert told == ["new", "payload.order.new", "payload.order.payer.vip", "payload.order.tip"]


class Wrong(TypedDict):
    amount: float


def test_a_payload_that_declares_a_float_is_the_plugin_authors_error() -> None:
    with pytest.raises(TypeError, match="declare Decimal"):
        read(Wrong, {"amount": 1.5})


@pytest.mark.parametrize("key", ["4111111111111111", "a\nb", "\x1b[31m", "k" * 65, ""])
def test_a_new_key_that_could_be_a_value_is_noted_without_its_name(key: str) -> None:
    class Known(TypedDict):
        id: str

    document, faults, odd = read(Known, {"id": "1", key: 1})
    assert (document, list(faults)) == ({"id": "1", key: 1}, [])
    assert [fault.path for fault in odd] == ["(a name that is not shown)"]
