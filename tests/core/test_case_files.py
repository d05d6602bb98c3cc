"""Cases as files: what `cambist.testing` reads, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cambist import Provider, Registry
from cambist.testing import load_cases
from cambist.verification import IpAllowList

EXPECTED = {
    "about": "where the facts are from",
    "provider": "ping",
    "settings": {"secrets": ["s"]},
    "received_at": "2026-01-31T12:00:00Z",
    "events": [],
}


def write(folder: Path, name: str, request: bytes, **changes: object) -> None:
    (folder / f"{name}.http").write_bytes(request)
    (folder / f"{name}.json").write_text(json.dumps(EXPECTED | changes))


def test_a_case_is_the_exact_request_and_what_is_expected_of_it(tmp_path: Path) -> None:
    write(tmp_path, "one", b"POST /webhooks/shop\nX-Signature: a: b\nX-Signature: c\n\n{\n\n}\n")
    (case,) = load_cases(tmp_path)
    assert case.name == "one"
    assert case.provider == "ping"
    assert case.expected == {"events": []}
    assert case.delivery.source == "shop"
    assert case.delivery.path == "/webhooks/shop"
    assert case.delivery.headers.get_all("x-signature") == ("a: b", "c")
    assert case.delivery.body == b"{\n\n}\n"
    assert case.delivery.received_at is not None


@pytest.mark.parametrize(
    ("path", "members", "source", "remote"),
    [
        pytest.param("/webhooks/shop", {}, "shop", None, id="neither"),
        pytest.param("/webhooks/cards/s3cret", {"source": "cards"}, "cards", None, id="a secret in the path"),
        pytest.param("/v1/callback", {"source": "orders"}, "orders", None, id="a path that is prescribed"),
        pytest.param("/webhooks/shop", {"remote": "203.0.113.7"}, "shop", "203.0.113.7", id="an address"),
    ],
)
def test_a_case_may_name_its_source_and_who_sent_it(
    path: str, members: dict[str, str], source: str, remote: str | None, tmp_path: Path
) -> None:
    write(tmp_path, "one", f"POST {path}\n\n{{}}".encode(), **members)
    (case,) = load_cases(tmp_path)
    assert (case.delivery.source, case.delivery.remote) == (source, remote)
    assert case.delivery.path == path
    assert case.expected == {"events": []}


def test_the_source_and_the_sender_of_a_case_decide_its_outcome(
    tmp_path: Path, toy: Callable[..., Provider], registry_of: Callable[..., Registry]
) -> None:
    known = toy(verification=lambda _: IpAllowList(networks=("203.0.113.7",)))
    members: dict[str, str] = {"provider": "toy", "source": "pings"}
    body = b'POST /v1/callback\n\n{"id": 7, "state": "done", "amount": "1"}'
    write(tmp_path, "a_friend", body, **members, remote="203.0.113.7")
    write(tmp_path, "a_stranger", body, **members, remote="203.0.113.8")
    write(tmp_path, "nobody", body, **members)
    friend, *others = [case.outcome(registry_of(known)) for case in load_cases(tmp_path)]
    assert [event["source"] for event in friend["events"]] == ["pings"]
    assert others == [{"error": "VerificationError"}] * 2


def test_cases_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        write(tmp_path, name, b"POST /webhooks/shop\n\n{}")
    assert [case.name for case in load_cases(tmp_path)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "request_", [b"", b"GET /webhooks/shop\n\n{}", b"POST webhooks\n\n{}", b"POST /a\nX: y"]
)
def test_a_request_of_another_form_is_named(request_: bytes, tmp_path: Path) -> None:
    write(tmp_path, "odd", request_)
    with pytest.raises(ValueError, match=r"odd\.http"):
        load_cases(tmp_path)


def test_a_file_without_its_partner_is_named(tmp_path: Path) -> None:
    write(tmp_path, "both", b"POST /webhooks/shop\n\n{}")
    (tmp_path / "alone.http").write_bytes(b"POST /webhooks/shop\n\n{}")
    with pytest.raises(ValueError, match="alone"):
        load_cases(tmp_path)
