"""The JSON Schema of an event is made from the model, describes every field, and is closed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cambist import SCHEMA, Kind, PaymentEvent, Status, event_schema, to_json

VALIDATOR = Draft202012Validator(event_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)
GOOD = json.loads(
    to_json(
        PaymentEvent(
            id="evt_" + "0f" * 16,
            provider="toy",
            source="shop",
            kind=Kind.TEST,
            status=Status.UNKNOWN,
            raw_digest="0f" * 32,
            plugin_version="toy 1",
        )
    )
)


PARTS = {"PaymentEvent": event_schema(), **event_schema()["$defs"]}


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_each_part_and_field_is_described_and_no_other_is_known(part: Mapping[str, Any]) -> None:
    assert part["description"].endswith(".")
    assert part["additionalProperties"] is False
    for name, member in part["properties"].items():
        assert member["description"].endswith("."), name
        assert len(member["description"].split()) > 1, name


def test_it_is_a_schema_and_every_call_makes_a_new_one() -> None:
    Draft202012Validator.check_schema(event_schema())
    first, second = event_schema(), event_schema()
    assert first == second
    first["properties"].clear()
    assert second["properties"]
    assert second["properties"]["schema"]["const"] == SCHEMA


def test_it_knows_the_words_of_the_model() -> None:
    properties = event_schema()["properties"]
    assert properties["kind"]["enum"] == [kind.value for kind in Kind]
    assert properties["status"]["enum"] == [status.value for status in Status]


@pytest.mark.parametrize("member", GOOD)
def test_every_member_is_required(member: str) -> None:
    assert VALIDATOR.is_valid(GOOD)
    assert not VALIDATOR.is_valid({name: value for name, value in GOOD.items() if name != member})


MONEY = {"amount": "1.50", "asset": {"code": "BTC"}}


@pytest.mark.parametrize(
    "right",
    [
        {"amounts": {"sent": MONEY}},
        {"amounts": {"sent": {"base_units": "-7"}}},
        {"amounts": {"sent": {"amount": "9" * 128 + "." + "9" * 255}}},
        {"occurred_at": "2026-01-01T12:00:00Z"},
        {"metadata": {"anything": [1.50, None, {}]}},
        {"transactions": [{"from": "a", "to": "b"}], "parties": [{"role": "sender"}]},
        {"rate": {"value": "0.1"}, "card": {"last_four": "1111"}},
    ],
    ids=str,
)
def test_what_an_event_may_say(right: dict[str, Any]) -> None:
    VALIDATOR.validate({**GOOD, **right})


@pytest.mark.parametrize(
    "wrong",
    [
        {"new": 1},
        {"schema": "cambist.event/2"},
        {"id": "evt_" + "0F" * 16},
        {"raw_digest": "0f" * 31},
        {"kind": "lottery"},
        {"status": None},
        {"final": "false"},
        {"payment": None},
        {"payment": {"id": None}},
        {"amounts": {"sent": {"amount": 1.5}}},
        {"amounts": {"sent": {"amount": "1e5"}}},
        {"amounts": {"sent": {"amount": ".5"}}},
        {"amounts": {"sent": {"amount": "NaN"}}},
        {"amounts": {"sent": {}}},
        {"amounts": {"sent": {**MONEY, "base_units": "150"}}},
        {"amounts": {"sent": {**MONEY, "asset": {"name": "Bitcoin"}}}},
        {"amounts": {"lost": MONEY}},
        {"transactions": [{"from_": "a"}]},
        {"transactions": [{"confirmations": "3"}]},
        {"transactions": None},
        {"parties": [{}]},
        {"rate": {}},
        {"occurred_at": "noon"},
        {"occurred_at": "2026-01-01T12:00:00"},
        {"metadata": []},
        {"anomalies": [{"path": "a"}]},
    ],
    ids=str,
)
def test_what_an_event_never_says(wrong: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid({**GOOD, **wrong})
