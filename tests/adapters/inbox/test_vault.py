"""What is sealed, and with which key."""

from __future__ import annotations

import base64

import pytest
from inbox_toy import KEY, OTHER_KEY

from cambist import Secret
from cambist.errors import ConfigurationError
from cambist_inbox._vault import SealError, Vault


def test_without_a_key_bytes_are_kept_as_they_are() -> None:
    assert Vault().seal(b"body", "delivery 1") == (b"body", None)
    assert Vault([Secret(KEY, "1")]).open(b"body", None, "delivery 1") == b"body"


def test_the_first_key_seals_and_each_opens() -> None:
    old, new = Vault([Secret(KEY, "old")]), Vault([Secret(OTHER_KEY, "new"), Secret(KEY, "old")])
    data, key_id = old.seal(b"body", "delivery 1")
    assert new.open(data, key_id, "delivery 1") == b"body"
    assert new.seal(b"body", "delivery 1").key_id == new.key_id != old.key_id
    assert new.labels[old.key_id or ""] == "old"


def test_a_key_is_known_by_itself_and_not_by_its_label() -> None:
    """A key without a label is called by its place in the list, and a new one takes the first place."""
    before = Vault([Secret(KEY, "1")])
    after = Vault([Secret(OTHER_KEY, "1"), Secret(KEY, "2")])
    data, key_id = before.seal(b"body", "delivery 1")
    assert after.key_id != key_id
    assert after.open(data, key_id, "delivery 1") == b"body"


def test_the_same_bytes_are_never_sealed_alike() -> None:
    vault = Vault([Secret(KEY, "1")])
    assert vault.seal(b"body", "x").data != vault.seal(b"body", "x").data


@pytest.mark.parametrize("change", ["flip", "cut", "swap", "key", "empty"])
def test_what_was_changed_is_not_opened(change: str) -> None:
    vault = Vault([Secret(KEY, "1")])
    data, key_id = vault.seal(b"card 4111", "evt_1")
    context = "evt_2" if change == "swap" else "evt_1"
    if change == "flip":
        data = data[:-1] + bytes([data[-1] ^ 1])
    if change in {"cut", "empty"}:
        data = data[:5] if change == "cut" else b""
    if change == "key":
        key_id = "0" * 16
    with pytest.raises(SealError) as raised:
        vault.open(data, key_id, context)
    assert "4111" not in str(raised.value)
    assert raised.value.__context__ is None


@pytest.mark.parametrize("key", ["", "short", base64.b64encode(b"x" * 31).decode(), "ü" * 44, "*" * 44])
def test_a_key_that_is_none(key: str) -> None:
    with pytest.raises(ConfigurationError, match="'mine' is not 32 bytes in base64") as raised:
        Vault([Secret(key, "mine")])
    assert not key or key not in str(raised.value)
