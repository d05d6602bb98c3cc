"""A settings class that checks itself says what is wrong in its own words, and Cambist says where."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import frozen

from cambist import Pipeline, Provider, Registry, Source
from cambist.errors import ConfigurationError
from cambist.verification import Unverified


@frozen
class Limit:
    most: int

    def __attrs_post_init__(self) -> None:
        if self.most > 7:
            raise ConfigurationError("more than seven")


@frozen
class Settings:
    limits: tuple[Limit, ...] = ()

    def __attrs_post_init__(self) -> None:
        if len(self.limits) > 2:
            raise ConfigurationError("limits: more than two")


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ([{"most": 1}, {"most": 8}, {"most": 9}], "limits[1]: more than seven; limits[2]: more than seven"),
        ([{"most": 1}] * 3, "limits: more than two"),
    ],
)
def test_what_a_check_of_its_own_says_is_told_with_its_place(
    limits: list[dict[str, int]], told: str, registry_of: Callable[..., Registry]
) -> None:
    provider = Provider(
        name="ping",
        title="Ping",
        documentation="https://example.org",
        settings=Settings,
        verification=lambda _: Unverified(),
        statuses={},
        parse=lambda *_: (),
    )
    with pytest.raises(ConfigurationError) as caught:
        Pipeline([Source("shop", "ping", {"limits": limits})], registry=registry_of(provider))
    assert str(caught.value) == f"source 'shop', provider 'ping': {told}"
