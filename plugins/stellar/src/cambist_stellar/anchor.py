"""The Anchor Platform's callback to a business server: ``POST <base>/event``.

Documentation: https://developers.stellar.org/docs/platforms/anchor-platform/api-reference/callbacks/post-event
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from attrs import frozen

from cambist import (
    Acknowledgement,
    Context,
    Delivery,
    EventDraft,
    Kind,
    PaymentEvent,
    Provider,
    Secrets,
    Status,
    fault,
)
from cambist.errors import ConfigurationError, PayloadError
from cambist.verification import ApiKey, JwtHs256, Scheme, Unverified
from cambist_stellar.anchor_events import Callback, customer_event, quote_event, transaction_event
from cambist_stellar.anchor_payloads import Envelope, LegacyEnvelope, Objects, Record
from cambist_stellar.assets import Network
from cambist_stellar.parts import digest
from cambist_stellar.samples import ANCHOR_SAMPLES
from cambist_stellar.statuses import ANCHOR_STATUSES

Build = Callable[[Callback, Context], EventDraft]

# What an event can be about → what makes it. Where a type is not known, the first that is there counts.
BUILDERS: dict[str, Build] = {
    "transaction": transaction_event,
    "quote": quote_event,
    "customer": customer_event,
}
# The platform's type → what it is about.
TYPES = {
    "transaction_created": "transaction",
    "transaction_status_changed": "transaction",
    "transaction_error": "transaction",  # until release 2.12
    "quote_created": "quote",
    "customer_updated": "customer",  # since release 2.4
}


@frozen
class AnchorSettings:
    """The settings of a source.

    Args:
        auth: How the platform proves itself: as its ``callback_api.auth.type`` says. ``none`` is no proof.
        secrets: The keys for ``api_key``, the shared secrets for ``jwt``; several during a rotation.
        header: Where it stands, if not in ``X-Api-Key`` or ``Authorization``.
        network: The network that the platform works on. Without it assets have no CAIP-19 identifier.
    """

    auth: Literal["none", "api_key", "jwt"]
    secrets: Secrets = ()
    header: str | None = None
    network: Network | None = None


def verification(settings: AnchorSettings) -> Scheme:
    """Return the check that the settings ask for. None of them covers the body."""
    if settings.auth == "none":
        if settings.secrets or settings.header:
            raise ConfigurationError("auth is none, and yet there are secrets or a header: which is right?")
        return Unverified()
    if not settings.secrets:
        raise ConfigurationError(f"secrets: auth {settings.auth} needs at least one")
    if settings.auth == "api_key":
        return ApiKey(secrets=settings.secrets, header=settings.header or "X-Api-Key")
    return JwtHs256(secrets=settings.secrets, header=settings.header or "Authorization")


def parse(payload: Any, context: Context) -> Iterable[EventDraft]:
    """Return the one event of a callback, in any envelope that a release of the platform has used."""
    if not isinstance(payload, dict):
        raise fault("", "is not an object")
    callback = _open(payload, context)
    about = TYPES.get(callback.type)
    if about is None:
        return (_of_unknown_type(callback, context),)
    if callback.objects.get(about) is None:
        raise fault(f"{callback.path}{about}", "is missing, and the type says that it is about one")
    for name in BUILDERS:
        if name != about and callback.objects.get(name) is not None:
            context.anomaly(f"{callback.path}{name}", "is not what the type says, and is left out")
    return (BUILDERS[about](callback, context),)


def _open(payload: dict[str, Any], context: Context) -> Callback:
    """Return what came, out of whichever envelope it is in."""
    inside = payload.get("payload")
    if "type" in payload and "payload" in payload:
        envelope = context.read(Envelope, payload)
        objects = context.read(Objects, {} if inside is None else inside, "payload")
        return _callback(envelope, "", objects, "payload.", context)
    if isinstance(inside, dict) and "type" in inside:
        context.read(LegacyEnvelope, payload)
        record, path = context.read(Record, inside, "payload"), "payload."
    else:
        record, path = context.read(Record, payload), ""
    return _callback(record, path, record, path, context)


def _callback(
    head: Envelope | Record, head_path: str, objects: Objects, path: str, context: Context
) -> Callback:
    type_, id_ = head["type"], head.get("id")
    if type_ not in TYPES:
        context.anomaly(f"{head_path}type", "an unknown type (its word is in provider_type)")
    if id_ is not None:
        return Callback(type_, (id_,), objects, path)
    context.anomaly(f"{head_path}id", "is missing: the event is told apart by its content")
    content = digest({name: value for name, value in objects.items() if name != "timestamp"})
    return Callback(type_, (type_, content), objects, path)


def _of_unknown_type(callback: Callback, context: Context) -> EventDraft:
    """Keep an event of a type that this release does not know: a later one can read it again."""
    unknown = EventDraft(
        kind=Kind.UNKNOWN,
        status=Status.UNKNOWN,
        identity=callback.identity,
        provider_type=callback.type,
    )
    about = next((name for name in BUILDERS if callback.objects.get(name) is not None), None)
    if about is None:
        return unknown
    try:
        known = BUILDERS[about](callback, context)
    except PayloadError as error:
        for path, problem in error.faults:
            context.anomaly(path, problem)
        return unknown
    known["status"], known["failure"] = Status.UNKNOWN, None
    return known


# Releases 2.2.2 to 2.9 read the answer as JSON and stop at an empty one.
ANSWER = Acknowledgement(body=b"{}", content_type="application/json")


def acknowledge(_delivery: Delivery, _events: tuple[PaymentEvent, ...]) -> Acknowledgement:
    """Answer with an empty JSON object."""
    return ANSWER


# The platform never stops; from here on it waits 300 seconds each time.
RETRIES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 300)

ANCHOR = Provider(
    name="stellar-anchor",
    title="Stellar Anchor Platform, events for the business server",
    documentation=(
        "https://developers.stellar.org/docs/platforms/anchor-platform/api-reference/callbacks/post-event"
    ),
    settings=AnchorSettings,
    verification=verification,
    statuses=ANCHOR_STATUSES,
    parse=parse,
    acknowledge=acknowledge,
    samples=ANCHOR_SAMPLES,
    retries=RETRIES,
)
