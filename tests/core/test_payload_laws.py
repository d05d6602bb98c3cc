"""Reading a payload has a quick way and a thorough one: they agree on everything, and never tell a value."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from decimal import Decimal
from typing import Any, TypedDict

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cambist import BaseUnits, Count, Identifier, Ignored, IsoTime, Soft, UnixTime
from cambist._payload import _Examination, read


class Part(TypedDict):
    amount: Decimal
    code: str | None
    type: Soft[str]


class Document(TypedDict):
    """One member of each form that a hint can have."""

    id: Identifier
    text: str
    number: Decimal
    optional_id: Identifier | None
    optional_number: Decimal | None
    integer: int | None
    flag: bool | None
    soft_id: Soft[Identifier]
    soft_number: Soft[Decimal]
    soft_count: Soft[Count]
    soft_flag: Soft[bool]
    soft_time: Soft[UnixTime]
    soft_iso_time: Soft[IsoTime]
    units: BaseUnits | None
    part: Part | None
    soft_part: Soft[Part]
    parts: list[Part] | None
    soft_parts: Soft[list[Part]]
    texts: list[str] | None
    soft_numbers: Soft[list[Decimal]]
    table: list[list[Decimal]] | None
    data: Mapping[str, Any] | None
    anything: Soft[Any]
    note: Ignored


LEAST = {"id": 1, "text": "paid", "number": "0.10"}
MARK = "4111111111111111x"

TEXTS = ("", "x", "1.50", "NaN", "٣", "7", "2026-01-01T12:00:00Z")
NUMBERS = (0, -1, 381, 10**130, 1592307241, Decimal("0.10"), Decimal("NaN"), 0.5)
leaves = st.sampled_from([None, *TEXTS, *NUMBERS, True, False])
junk = leaves | st.lists(leaves, max_size=2) | st.dictionaries(st.sampled_from(["amount", "new"]), leaves)
part = st.fixed_dictionaries(
    {"amount": st.just("1.0") | leaves}, optional={"code": leaves, "type": leaves, "new": leaves}
)
listed = st.lists(leaves, max_size=2)
close: dict[str, st.SearchStrategy[Any]] = {
    **{name: st.just(value) for name, value in LEAST.items()},
    **dict.fromkeys(("part", "soft_part"), part),
    **dict.fromkeys(("parts", "soft_parts"), st.lists(part, max_size=2)),
    **dict.fromkeys(("texts", "soft_numbers"), listed),
    "table": st.lists(listed, max_size=2),
}
members = {name: close.get(name, leaves) | junk for name in (*Document.__annotations__, "new")}
changes = st.fixed_dictionaries({}, optional=members)


def nearly_right(changes: dict[str, Any], kept: int) -> dict[str, Any]:
    """A few members changed, so that the quick way gets some way before it gives up."""
    return {**LEAST, **{name: changes[name] for name in list(changes)[:kept]}}


documents = changes | st.builds(nearly_right, changes, st.integers(0, 4))


@settings(max_examples=500)
@given(documents)
@example({**LEAST, "soft_number": "NaN"})
@example({**LEAST, "parts": [{"amount": "1"}, {"amount": None}]})
@example({**LEAST, "table": [["1.0"], ["x"]]})
def test_the_quick_way_and_the_thorough_one_agree(document: Any) -> None:
    thorough, copy = _Examination(), deepcopy(document)
    thorough.document(Document, copy, "")
    found, faults, odd = read(Document, document)
    assert [*faults, *odd] == thorough.faults + thorough.odd
    assert len(faults) == len(thorough.faults)
    assert repr(found) == repr(None if faults else copy)


def marked(value: Any) -> Any:
    """The same form, and a mark in each value."""
    if isinstance(value, dict):
        return {key: marked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [marked(item) for item in value]
    return f"{value}{MARK}" if isinstance(value, str) else int("4111111111111111" * 9)


@given(documents)
def test_no_message_ever_holds_a_value(document: Any) -> None:
    _, faults, odd = read(Document, marked(document))
    assert "4111" not in "".join(map(str, [*faults, *odd]))
