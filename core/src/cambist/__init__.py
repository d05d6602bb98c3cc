"""Payment webhooks, proven genuine and stated as one canonical event.

Start with `Pipeline` (direct, synchronous) or `Receiver` (asynchronous, with a sink). Errors are in
`cambist.errors`, the hooks of plugins in `cambist.hookspecs`, schemes in `cambist.verification`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cambist._codec import from_json, to_json, to_plain
    from cambist._delivery import Acknowledgement, Delivery, Headers, trace_context
    from cambist._event import (
        SCHEMA,
        Amounts,
        Anomaly,
        Card,
        EventDraft,
        Failure,
        Fee,
        Kind,
        Party,
        Payment,
        PaymentEvent,
        Quote,
        Rate,
        Refund,
        Transaction,
        Verification,
    )
    from cambist._json import decode_json, encode_json
    from cambist._leaves import Code, Count, Identifier, IsoTime, UnixTime
    from cambist._lifecycle import PaymentState, Status, Verdict, advance
    from cambist._money import Asset, BaseUnits, Money, difference, exact, scaled
    from cambist._payload import Ignored, Soft
    from cambist._pipeline import Pipeline, Processed, Route
    from cambist._provider import Context, Provider, Sample, fault
    from cambist._receiver import Receiver, problem, publisher
    from cambist._registry import Registered, Registry
    from cambist._schema import event_schema
    from cambist._secrets import Secret, Secrets
    from cambist._source import Source, resolve_references
    from cambist._telemetry import Telemetry, Watch
    from cambist.errors import CambistError
    from cambist.hookspecs import hookimpl

# Each name is imported from its module when it is first asked for: a program that only reads events
# does not pay for plugins, nor `import cambist` for anything.
_HOMES = {
    "from_json": "_codec",
    "to_json": "_codec",
    "trace_context": "_delivery",
    "to_plain": "_codec",
    "Acknowledgement": "_delivery",
    "Delivery": "_delivery",
    "Headers": "_delivery",
    "Amounts": "_event",
    "Anomaly": "_event",
    "Card": "_event",
    "EventDraft": "_event",
    "Failure": "_event",
    "Fee": "_event",
    "Kind": "_event",
    "Party": "_event",
    "Payment": "_event",
    "PaymentEvent": "_event",
    "Quote": "_event",
    "Rate": "_event",
    "Refund": "_event",
    "SCHEMA": "_event",
    "Transaction": "_event",
    "Verification": "_event",
    "decode_json": "_json",
    "encode_json": "_json",
    "Code": "_leaves",
    "Count": "_leaves",
    "Identifier": "_leaves",
    "IsoTime": "_leaves",
    "UnixTime": "_leaves",
    "PaymentState": "_lifecycle",
    "Status": "_lifecycle",
    "Verdict": "_lifecycle",
    "advance": "_lifecycle",
    "Asset": "_money",
    "BaseUnits": "_money",
    "Money": "_money",
    "difference": "_money",
    "exact": "_money",
    "scaled": "_money",
    "Ignored": "_payload",
    "Soft": "_payload",
    "Pipeline": "_pipeline",
    "Processed": "_pipeline",
    "Route": "_pipeline",
    "Context": "_provider",
    "Provider": "_provider",
    "Sample": "_provider",
    "fault": "_provider",
    "Receiver": "_receiver",
    "problem": "_receiver",
    "publisher": "_receiver",
    "Registered": "_registry",
    "Registry": "_registry",
    "event_schema": "_schema",
    "Secret": "_secrets",
    "Secrets": "_secrets",
    "Source": "_source",
    "resolve_references": "_source",
    "Telemetry": "_telemetry",
    "Watch": "_telemetry",
    "CambistError": "errors",
    "hookimpl": "hookspecs",
}

__all__ = [
    "SCHEMA",
    "Acknowledgement",
    "Amounts",
    "Anomaly",
    "Asset",
    "BaseUnits",
    "CambistError",
    "Card",
    "Code",
    "Context",
    "Count",
    "Delivery",
    "EventDraft",
    "Failure",
    "Fee",
    "Headers",
    "Identifier",
    "Ignored",
    "IsoTime",
    "Kind",
    "Money",
    "Party",
    "Payment",
    "PaymentEvent",
    "PaymentState",
    "Pipeline",
    "Processed",
    "Provider",
    "Quote",
    "Rate",
    "Receiver",
    "Refund",
    "Registered",
    "Registry",
    "Route",
    "Sample",
    "Secret",
    "Secrets",
    "Soft",
    "Source",
    "Status",
    "Telemetry",
    "Transaction",
    "UnixTime",
    "Verdict",
    "Verification",
    "Watch",
    "advance",
    "decode_json",
    "difference",
    "encode_json",
    "event_schema",
    "exact",
    "fault",
    "from_json",
    "hookimpl",
    "problem",
    "publisher",
    "resolve_references",
    "scaled",
    "to_json",
    "to_plain",
    "trace_context",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = globals()[name] = getattr(import_module(f"cambist.{_HOMES[name]}"), name)
        return value
    raise AttributeError(f"module 'cambist' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
