"""Every error is one of one tree, names whom it is about, and says what a server answers."""

from __future__ import annotations

import copy
import pickle

import pytest

from cambist import errors
from cambist.errors import (
    CambistError,
    ConfigurationError,
    DeliveryError,
    Fault,
    PayloadError,
    PluginError,
    SinkError,
    UnknownSource,
    VerificationError,
)

TREE = [
    (ConfigurationError, CambistError, 500),
    (PluginError, ConfigurationError, 500),
    (DeliveryError, CambistError, 400),
    (UnknownSource, DeliveryError, 404),
    (VerificationError, DeliveryError, 401),
    (PayloadError, DeliveryError, 400),
    (SinkError, CambistError, 503),
]


@pytest.mark.parametrize(("error", "parent", "status"), TREE)
def test_the_tree(error: type[CambistError], parent: type[CambistError], status: int) -> None:
    assert error.__bases__ == (parent,)
    assert error.status_hint == status
    assert f"{error.__name__} " in (errors.__doc__ or "")


def test_the_tree_has_no_other_error() -> None:
    public = {value for value in map(errors.__dict__.get, errors.__all__) if isinstance(value, type)}
    raised = {error for error in public if issubclass(error, Exception)}
    assert raised == {CambistError, *(error for error, _, _ in TREE)}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (CambistError("no"), "no"),
        (CambistError("no", source="shop"), "source 'shop': no"),
        (CambistError("no", provider="toy", source="shop"), "source 'shop', provider 'toy': no"),
        (PluginError("no", distribution="acme", provider="toy"), "distribution 'acme', provider 'toy': no"),
        (PayloadError([Fault("", "is empty")], source="shop"), "source 'shop': is empty"),
        (PayloadError([Fault("a[0].b", "is wrong"), Fault("c", "no")]), "a[0].b: is wrong; c: no"),
        (PayloadError([Fault("a", "x")] * 21), f"{'a: x; ' * 20}and 1 more"),
        (CambistError("no", source="a\nb"), r"source 'a\nb': no"),
    ],
)
def test_a_message_names_whom_it_is_about_in_one_line(error: CambistError, message: str) -> None:
    assert str(error) == message
    assert "\n" not in message


def test_an_error_keeps_its_parts() -> None:
    error = PluginError("is wrong", distribution="acme", provider="toy", source="shop")
    assert (error.reason, error.distribution, error.provider, error.source) == (
        "is wrong",
        "acme",
        "toy",
        "shop",
    )
    assert PayloadError(iter([Fault("a", "b")])).faults == (Fault("a", "b"),)


@pytest.mark.parametrize(
    "error",
    [
        PluginError("is wrong", distribution="acme", provider="toy", source="shop"),
        VerificationError("is wrong", provider="toy", source="shop"),
        PayloadError([Fault("a", "b")], provider="toy", source="shop"),
    ],
)
@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_survives_the_way_to_another_process(error: CambistError, again: object) -> None:
    same = again(error)  # type: ignore[operator]
    assert type(same) is type(error)
    assert str(same) == str(error)
    assert vars(same) == vars(error)
