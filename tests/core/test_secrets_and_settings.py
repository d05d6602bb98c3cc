"""Secrets are masked wherever they go, and a setting that is wrong is named, without its value."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal

import attrs
import pytest
from attrs import frozen

from cambist import Pipeline, Provider, Registry, Secret, Secrets, Source, Status
from cambist._source import structure_settings
from cambist.errors import ConfigurationError
from cambist.verification import ApiKey, HmacSignature, JwtHs256

VALUE = "s3cret-4f9a"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@frozen
class Settings:
    secrets: Secrets
    account: str | None = None
    tolerance: int = 300
    unit: Literal["minor", "major"] = "major"
    strict: bool = False


def structured(**settings: Any) -> Settings:
    return structure_settings(Settings, Source("shop", "toy", settings))


SECRET = Secret(VALUE, "old")
HOLDERS = {
    "secret": SECRET,
    "list": [SECRET],
    "source": Source("shop", "toy", {"secrets": [VALUE]}),
    "settings": structured(secrets=[VALUE]),
    "hmac": HmacSignature(secrets=(SECRET,), header="X"),
    "api key": ApiKey(secrets=(SECRET,), header="X"),
    "jwt": JwtHs256(secrets=(SECRET,)),
}


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, "%s".__mod__, lambda it: f"{it}"])
@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_no_way_of_showing_shows_a_secret(holder: object, show: Callable[[object], str]) -> None:
    assert VALUE not in show(holder)


@pytest.mark.parametrize("holder", [SECRET, HOLDERS["settings"], HOLDERS["jwt"]])
def test_a_secret_is_not_pickled(holder: object) -> None:
    with pytest.raises(TypeError, match="Secret") as caught:
        pickle.dumps(holder)
    assert VALUE not in str(caught.value)


def test_a_copy_of_a_secret_is_the_secret() -> None:
    assert copy.copy(SECRET) is SECRET
    assert copy.deepcopy(SECRET) is SECRET


def test_a_source_shows_its_settings_in_no_way() -> None:
    source = Source("shop", "toy", {"secrets": [VALUE]})
    assert dict(source.settings) == {"secrets": [VALUE]}
    assert VALUE not in repr(source) + repr(source.settings) + repr(attrs.asdict(source))
    with pytest.raises(TypeError, match="secrets") as caught:
        pickle.dumps(source)
    assert VALUE not in str(caught.value)


def test_settings_taken_apart_show_no_secret() -> None:
    assert VALUE not in repr(attrs.asdict(HOLDERS["settings"]))  # type: ignore[call-overload]


def test_a_secret_is_revealed_only_by_name() -> None:
    assert SECRET.reveal() == VALUE
    assert str(SECRET) == "****"


def test_the_pipeline_shows_no_secret(registry_of: Callable[..., Registry]) -> None:
    registry = registry_of(provider(lambda settings: HmacSignature(secrets=settings.secrets, header="X")))
    (route,) = Pipeline([Source("shop", "toy", {"secrets": [VALUE]})], registry=registry).routes
    assert VALUE not in repr(route)


def provider(verification: Callable[[Any], Any]) -> Provider:
    return Provider(
        name="toy",
        title="Toy",
        documentation="https://toy.example",
        settings=Settings,
        verification=verification,
        statuses={"": {"": Status.UNKNOWN}},
        parse=lambda payload, context: (),
    )


def failing_with_the_secret(settings: Any) -> Any:
    raise RuntimeError(settings.secrets[0].reveal())


def refusing_with_the_secret(settings: Any) -> Any:
    return HmacSignature(secrets=settings.secrets, header="X", decode_key=bytes.fromhex)


@pytest.mark.parametrize("verification", [failing_with_the_secret, refusing_with_the_secret])
def test_a_scheme_that_cannot_be_set_up_tells_no_secret(
    verification: Callable[[Any], Any], registry_of: Callable[..., Registry]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Pipeline([Source("shop", "toy", {"secrets": [VALUE]})], registry=registry_of(provider(verification)))
    assert "source 'shop', provider 'toy': " in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    assert VALUE not in shown


@pytest.mark.parametrize(
    ("not_before", "not_after", "when", "holds"),
    [
        (None, None, NOON, True),
        (None, None, None, True),
        (NOON, None, NOON, True),
        (NOON, None, NOON - HOUR, False),
        (NOON, None, None, False),
        (None, NOON, NOON - HOUR, True),
        (None, NOON, NOON, False),
        (None, NOON, None, False),
        (NOON, NOON + HOUR, NOON + HOUR / 2, True),
        (NOON, NOON + HOUR, NOON + HOUR, False),
        (NOON, None, datetime(2026, 1, 1, 13, tzinfo=timezone(2 * HOUR)), False),
    ],
)
def test_a_secret_holds_within_its_window(
    not_before: datetime | None, not_after: datetime | None, when: datetime | None, holds: bool
) -> None:
    assert Secret(VALUE, "1", not_before, not_after).holds_at(when) is holds


@pytest.mark.parametrize(
    ("entry", "label", "not_before", "not_after"),
    [
        (VALUE, "1", None, None),
        ({"value": VALUE}, "1", None, None),
        ({"value": VALUE, "label": "2026"}, "2026", None, None),
        ({"value": VALUE, "not_before": NOON}, "1", NOON, None),
        ({"value": VALUE, "not_after": "2026-01-01T12:00:00Z"}, "1", None, NOON),
        ({"value": VALUE, "not_after": "2026-01-01T14:00:00+02:00"}, "1", None, NOON),
    ],
)
def test_a_secret_is_text_or_a_table(
    entry: object, label: str, not_before: datetime | None, not_after: datetime | None
) -> None:
    (secret,) = structured(secrets=[entry]).secrets
    found = (secret.reveal(), secret.label, secret.not_before, secret.not_after)
    assert found == (VALUE, label, not_before, not_after)


def test_secrets_are_labelled_by_their_place_and_keep_their_spaces() -> None:
    secrets = structured(secrets=[" a ", {"value": "b", "label": "new"}, "c"]).secrets
    assert [(secret.label, secret.reveal()) for secret in secrets] == [("1", " a "), ("new", "b"), ("3", "c")]


@pytest.mark.parametrize(
    ("wrong", "path", "problem"),
    [
        ({"secrets": None}, "secrets", "is not a list"),
        ({"secrets": VALUE}, "secrets", "is not a list"),
        ({"secrets": {"value": VALUE}}, "secrets", "is not a list"),
        ({"secrets": []}, "secrets", "at least one secret"),
        ({"secrets": [VALUE, ""]}, "secrets", "entry 1 is empty"),
        ({"secrets": [" \t\n"]}, "secrets", "entry 0 is empty"),
        ({"secrets": [{"value": ""}]}, "secrets", "entry 0 is empty"),
        ({"secrets": [{"label": "x"}]}, "secrets", "entry 0 has no value"),
        ({"secrets": [{"value": 5}]}, "secrets", "entry 0 has no value"),
        ({"secrets": [5]}, "secrets", "entry 0 is neither a string nor a table"),
        ({"secrets": [None]}, "secrets", "entry 0 is neither a string nor a table"),
        ({"secrets": [[VALUE]]}, "secrets", "entry 0 is neither a string nor a table"),
        ({"secrets": [VALUE, {"env": "NEW"}]}, "secrets", "entry 1 is a reference that was not resolved"),
        ({"secrets": [{"file": "/run/x"}]}, "secrets", "entry 0 is a reference that was not resolved"),
        ({"secrets": [{"value": VALUE, "lable": "x"}]}, "secrets", "no lable"),
        ({"secrets": [{"value": VALUE, "label": ""}]}, "secrets", "label"),
        ({"secrets": [{"value": VALUE, "label": 1}]}, "secrets", "label"),
        ({"secrets": [VALUE, {"value": VALUE, "label": "1"}]}, "secrets", "two secrets with one label"),
        ({"secrets": [{"value": VALUE, "not_before": "soon"}]}, "secrets", "not_before"),
        ({"secrets": [{"value": VALUE, "not_before": "2026-01-01"}]}, "secrets", "not_before"),
        ({"secrets": [{"value": VALUE, "not_after": NOON.replace(tzinfo=None)}]}, "secrets", "not_after"),
        ({"secrets": [{"value": VALUE, "not_after": 5}]}, "secrets", "not_after"),
        ({"secrets": [{"value": "x", "not_before": NOON, "not_after": NOON}]}, "secrets", "before it begins"),
        ({"account": 5}, "account", "is not a string"),
        ({"tolerance": "5"}, "tolerance", "is not an integer"),
        ({"tolerance": True}, "tolerance", "is not an integer"),
        ({"tolerance": 5.0}, "tolerance", "is not an integer"),
        ({"unit": "micro"}, "unit", "is none of: minor, major"),
        ({"unit": ["minor"]}, "unit", "is none of: minor, major"),
        ({"strict": "false"}, "strict", "is not true or false"),
        ({"strict": 0}, "strict", "is not true or false"),
        ({"acount": VALUE}, "acount", "known are: secrets, account, tolerance, unit, strict"),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_setting_is_named_without_its_value(wrong: dict[str, Any], path: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        structured(**{"secrets": [VALUE], **wrong})
    message = str(caught.value)
    assert message.startswith(f"source 'shop', provider 'toy': {path}: ")
    assert problem in message
    assert VALUE not in "".join(traceback.format_exception(caught.value))


def test_every_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        structured(account=5, tolerance="x", colour=VALUE)
    message = str(caught.value)
    assert all(f"{key}: " in message for key in ("secrets", "account", "tolerance", "colour"))
    assert "secrets: is missing" in message
    assert VALUE not in message


@pytest.mark.parametrize("name", ["", "-a", ".a", "a/b", "a b", "é", "a\n", "a" * 65, "../x", "a%2f"])
def test_the_name_of_a_source_is_part_of_a_url(name: str) -> None:
    with pytest.raises(ConfigurationError, match="source's name"):
        Source(name, "toy")


@pytest.mark.parametrize(
    "path", ["", "v1/callback", "/", "/a b", "/{secret}", "/é", "/a?b=c", "/a#b", "/a\n"]
)
def test_the_path_of_a_source_is_plain(path: str) -> None:
    with pytest.raises(ConfigurationError, match="source 'shop': path"):
        Source("shop", "toy", path=path)


def test_a_source_takes_a_good_name_and_path() -> None:
    source = Source("Shop-1.eu_x", "toy", path="/v1/internal/order-completed")
    assert (source.name, source.path) == ("Shop-1.eu_x", "/v1/internal/order-completed")
