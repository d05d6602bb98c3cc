"""Several schemes as one, and none at all."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from attrs import evolve, frozen

from cambist import Delivery, Secret, Verification
from cambist.errors import ConfigurationError, VerificationError
from cambist.verification import (
    AllOf,
    AnyOf,
    ApiKey,
    HmacSignature,
    IpAllowList,
    JwtHs256,
    Replay,
    Scheme,
    Unverified,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DELIVERY = Delivery("shop", {}, b'{"id": 1}', NOW, remote="203.0.113.7")

KEY = ApiKey(secrets=(Secret("k3y", "key"),), header="X-Key")
PUBLIC = ApiKey(secrets=(Secret("account", "account"),), header="X-Account", public=True)
MAC = HmacSignature(secrets=(Secret("s3cret", "mac"),), header="X-Sign")
TOKEN = JwtHs256(secrets=(Secret("s3cret", "token"),))
NEAR = IpAllowList(networks=("203.0.113.7",))
FAR = IpAllowList(networks=("192.0.2.1",))


@frozen
class Broken:
    """A scheme with a fault."""

    name: str = "broken"
    replay: Replay = Replay.NONE

    def verify(self, delivery: Delivery) -> Verification:
        raise KeyError("s3cret")

    def sign(self, delivery: Delivery) -> tuple[tuple[str, str], ...]:
        return ()


def signed(*schemes: Scheme) -> Delivery:
    return evolve(DELIVERY, headers=[header for scheme in schemes for header in scheme.sign(DELIVERY)])


@pytest.mark.parametrize(
    ("scheme", "signers", "name", "label"),
    [
        (AllOf(MAC), (MAC,), "hmac-sha256", "mac"),
        (AllOf(KEY, MAC), (KEY, MAC), "api-key+hmac-sha256", "key+mac"),
        (AllOf(PUBLIC, MAC), (PUBLIC, MAC), "api-key+hmac-sha256", "mac"),
        (AllOf(NEAR, MAC), (MAC,), "ip-allow-list+hmac-sha256", "mac"),
        (AllOf(NEAR, PUBLIC), (PUBLIC,), "ip-allow-list+api-key", None),
        (AnyOf(KEY, MAC), (KEY,), "api-key", "key"),
        (AnyOf(KEY, MAC), (MAC,), "hmac-sha256", "mac"),
        (AnyOf(KEY, MAC), (KEY, MAC), "api-key", "key"),
        (AnyOf(FAR, AllOf(KEY, MAC)), (KEY, MAC), "api-key+hmac-sha256", "key+mac"),
        (AllOf(NEAR, AnyOf(KEY, MAC)), (MAC,), "ip-allow-list+api-key|hmac-sha256", "mac"),
        (Unverified(), (), "none", None),
    ],
)
def test_what_passes_is_reported(
    scheme: Scheme, signers: tuple[Scheme, ...], name: str, label: str | None
) -> None:
    assert scheme.verify(signed(*signers)) == Verification(name, label)


@pytest.mark.parametrize(
    ("scheme", "signers", "reasons"),
    [
        (AllOf(KEY, MAC), (), ["X-Key"]),
        (AllOf(KEY, MAC), (KEY,), ["X-Sign"]),
        (AllOf(KEY, MAC), (MAC,), ["X-Key"]),
        (AllOf(FAR, MAC), (MAC,), ["allow list"]),
        (AllOf(Unverified(), MAC), (), ["X-Sign"]),
        (AnyOf(KEY, MAC), (), ["api-key: header X-Key is missing", "hmac-sha256: header X-Sign is missing"]),
        (AnyOf(FAR, MAC), (KEY,), ["ip-allow-list: ", "hmac-sha256: "]),
    ],
)
def test_what_fails_is_refused_with_every_reason(
    scheme: Scheme, signers: tuple[Scheme, ...], reasons: list[str]
) -> None:
    with pytest.raises(VerificationError) as caught:
        scheme.verify(signed(*signers))
    assert all(reason in caught.value.reason for reason in reasons)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("scheme", [AllOf(Broken(), MAC), AllOf(MAC, Broken()), AnyOf(Broken(), MAC)])
def test_a_scheme_with_a_fault_lets_nothing_pass(scheme: Scheme) -> None:
    with pytest.raises(KeyError):
        scheme.verify(signed(MAC))


@pytest.mark.parametrize(
    ("scheme", "name"),
    [
        (AllOf(MAC), "hmac-sha256"),
        (AllOf(MAC, KEY), "hmac-sha256+api-key"),
        (AnyOf(MAC), "hmac-sha256"),
        (AnyOf(MAC, KEY), "hmac-sha256|api-key"),
        (AnyOf(KEY, MAC, NEAR), "api-key|hmac-sha256|ip-allow-list"),
        (AnyOf(MAC, evolve(MAC, header="X-Other"), KEY), "hmac-sha256|api-key"),  # each once
        (AnyOf(AllOf(KEY, MAC), MAC), "api-key+hmac-sha256|hmac-sha256"),
        (AllOf(NEAR, AnyOf(KEY, MAC)), "ip-allow-list+api-key|hmac-sha256"),
        (AnyOf(MAC, Unverified()), "hmac-sha256|none"),
    ],
)
def test_a_combination_is_named_by_its_schemes(scheme: Scheme, name: str) -> None:
    assert scheme.name == name


@pytest.mark.parametrize(
    ("scheme", "replay"),
    [
        (AllOf(MAC, KEY), Replay.NONE),
        (AllOf(MAC, TOKEN), Replay.FRESHNESS),
        (AnyOf(TOKEN), Replay.FRESHNESS),
        (AnyOf(MAC, TOKEN), Replay.NONE),
        (AnyOf(TOKEN, Unverified()), Replay.NONE),
        (Unverified(), Replay.NONE),
    ],
)
def test_a_replay_takes_the_weakest_way(scheme: Scheme, replay: Replay) -> None:
    assert scheme.replay is replay


def test_all_sign_for_all_and_the_first_for_any() -> None:
    assert dict(AllOf(KEY, MAC, NEAR).sign(DELIVERY)).keys() == {"X-Key", "X-Sign"}
    assert dict(AnyOf(KEY, MAC).sign(DELIVERY)).keys() == {"X-Key"}
    assert Unverified().sign(DELIVERY) == ()


@pytest.mark.parametrize("combination", [AllOf, AnyOf])
def test_a_combination_of_nothing_is_refused_at_start(combination: type[AllOf]) -> None:
    with pytest.raises(ConfigurationError, match="at least one scheme"):
        combination()


@pytest.mark.parametrize("scheme", [AllOf(MAC), AnyOf(MAC), Unverified(), NEAR, MAC, KEY, TOKEN])
def test_each_is_a_scheme(scheme: object) -> None:
    assert isinstance(scheme, Scheme)
    assert "s3cret" not in repr(scheme)
