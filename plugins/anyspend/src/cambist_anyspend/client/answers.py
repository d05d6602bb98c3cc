"""What the management API answers: as it comes, and as our own frozen classes.

Source: https://docs.b3.fun/anyspend/api/webhooks-api; its section Webhook Object lists the fields. What
names or controls a webhook has to fit. A count or a time that does not is ``None``: nobody shall lose the
secret of a new webhook for it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict, TypeVar

from attrs import frozen

from cambist import Context, Count, Delivery, Identifier, IsoTime, Secret, Soft, fault

T = TypeVar("T")


@frozen
class Webhook:
    """A webhook: an endpoint of yours that AnySpend delivers events to.

    Args:
        id: Its identifier: ``wh_abc123``.
        url: Where it delivers.
        events: The event types that it delivers. Words that this release does not know are kept.
        is_active: Whether it delivers at present.
        success_count: How many deliveries succeeded.
        failure_count: How many failed.
        last_triggered_at: The time of the last attempt to deliver; ``None`` if there was none.
        created_at: When it was made.
        updated_at: When it was last changed.
    """

    id: str
    url: str
    events: tuple[str, ...]
    is_active: bool
    success_count: int | None = None
    failure_count: int | None = None
    last_triggered_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@frozen
class CreatedWebhook:
    """A new webhook.

    Args:
        webhook: The webhook.
        secret: What its deliveries are signed with. AnySpend tells it this once.
    """

    webhook: Webhook
    secret: Secret


@frozen
class SentDelivery:
    """A delivery that was made on demand.

    Args:
        delivery_id: Its identifier: ``del_xyz789``.
        status: How it stands, in the API's word: ``sent``.
        response_code: What the endpoint answered; ``None`` if it did not.
        attempts: How often it was tried; ``None`` for a test.
    """

    delivery_id: str
    status: str
    response_code: int | None = None
    attempts: int | None = None


@frozen
class DeliveryRecord:
    """An entry of the delivery history.

    Args:
        id: Its identifier: ``del_xyz789``.
        event_type: The type of the event: ``payment.completed``.
        status: How it stands, in the API's word: ``success`` or ``failed``.
        response_code: What the endpoint answered; ``None`` if it did not.
        response_time_ms: How long that took, in milliseconds.
        attempts: How often it was tried.
        created_at: When it was made.
    """

    id: str
    event_type: str
    status: str
    response_code: int | None = None
    response_time_ms: int | None = None
    attempts: int | None = None
    created_at: datetime | None = None


class _Webhook(TypedDict):
    id: Identifier
    url: str
    events: list[str]
    is_active: bool
    success_count: Soft[Count]
    failure_count: Soft[Count]
    last_triggered_at: Soft[IsoTime]
    created_at: Soft[IsoTime]
    updated_at: Soft[IsoTime]


class _CreatedWebhook(_Webhook):
    secret: str


class _SentDelivery(TypedDict):
    delivery_id: Identifier
    status: str
    response_code: Soft[Count]
    attempts: Soft[Count]


class _DeliveryRecord(TypedDict):
    id: Identifier
    event_type: str
    status: str
    response_code: Soft[Count]
    response_time_ms: Soft[Count]
    attempts: Soft[Count]
    created_at: Soft[IsoTime]


class _One(TypedDict):
    data: _Webhook


class _Several(TypedDict):
    data: list[_Webhook]


class _Created(TypedDict):
    data: _CreatedWebhook


class _Sent(TypedDict):
    data: _SentDelivery


class _History(TypedDict):
    data: list[_DeliveryRecord]


class _Error(TypedDict):
    code: Soft[str]
    message: Soft[str]


class _Outcome(TypedDict):
    success: Soft[bool]
    error: Soft[object]
    message: Soft[str]


_NOWHERE = Delivery("management", (), b"")


def _read(cls: type[T], document: Any) -> T:
    """Read as a webhook's payload is read; what is odd but not faulty is of no concern here."""
    return Context(_NOWHERE, None, {}).read(cls, document)


def said_no(document: Any) -> tuple[str | None, str | None] | None:
    """Return the error's code and message, each if there is one; ``None`` if the answer tells success.

    The documented form is ``{"error": {"type", "code", "message", "param"}}``. An ``error`` or ``message``
    that is a string, and ``{"success": false}`` alone, are taken too.

    Raises:
        PayloadError: The answer is no object, or tells neither success nor an error.
    """
    outcome = _read(_Outcome, document)
    error = outcome.get("error")
    if error is None and outcome.get("success"):
        return None
    if isinstance(error, dict):
        details = _read(_Error, error)
        return details.get("code"), details.get("message")
    if error is None and outcome.get("success") is None and outcome.get("message") is None:
        raise fault("success", "is missing, or neither true nor false")
    return None, error if isinstance(error, str) else outcome.get("message")


def one_webhook(document: Any) -> Webhook:
    """Return the webhook that an answer holds."""
    return _webhook(_read(_One, document)["data"])


def several_webhooks(document: Any) -> tuple[Webhook, ...]:
    """Return the webhooks that an answer holds, in its order."""
    return tuple(map(_webhook, _read(_Several, document)["data"]))


def created_webhook(document: Any) -> CreatedWebhook:
    """Return the new webhook, and its secret, which is called by the webhook's identifier."""
    found = _read(_Created, document)["data"]
    if not found["secret"].strip():
        raise fault("data.secret", "is empty")
    return CreatedWebhook(_webhook(found), Secret(found["secret"], found["id"]))


def sent_delivery(document: Any) -> SentDelivery:
    """Return the delivery that was made on demand."""
    found = _read(_Sent, document)["data"]
    return SentDelivery(
        delivery_id=found["delivery_id"],
        status=found["status"],
        response_code=found.get("response_code"),
        attempts=found.get("attempts"),
    )


def history(document: Any) -> tuple[DeliveryRecord, ...]:
    """Return the entries of the history, in the answer's order."""
    return tuple(
        DeliveryRecord(
            id=found["id"],
            event_type=found["event_type"],
            status=found["status"],
            response_code=found.get("response_code"),
            response_time_ms=found.get("response_time_ms"),
            attempts=found.get("attempts"),
            created_at=found.get("created_at"),
        )
        for found in _read(_History, document)["data"]
    )


def nothing(document: Any) -> None:
    """Take an answer that has nothing to tell but success."""


def _webhook(found: _Webhook) -> Webhook:
    return Webhook(
        id=found["id"],
        url=found["url"],
        events=tuple(found["events"]),
        is_active=found["is_active"],
        success_count=found.get("success_count"),
        failure_count=found.get("failure_count"),
        last_triggered_at=found.get("last_triggered_at"),
        created_at=found.get("created_at"),
        updated_at=found.get("updated_at"),
    )
