"""Hazel and Linden with one fault each, and the tests that fail of it: these, and no others."""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import evolve, field, frozen

from cambist import (
    Acknowledgement,
    Amounts,
    Asset,
    Context,
    EventDraft,
    Money,
    Provider,
    Secret,
    Secrets,
    Status,
    Verification,
    decode_json,
    fault,
)
from cambist.errors import VerificationError
from cambist.verification import ApiKey

from . import handmade
from .handmade import Handmade
from .hazel import HAZEL, STATUSES, Settings, parse, verification
from .linden import LINDEN, redact
from .linden import decode as decode_charge
from .linden import parse as parse_charge


@frozen
class Mutant:
    """A faulty provider.

    Attributes:
        provider: It.
        caught_by: The test that is there to notice this.
        also: Further tests that fail of it.
        cases: Whether only cases can show it. Else the one sample is enough.
    """

    provider: Provider
    caught_by: str
    also: Iterable[str] = ()
    cases: bool = False


def verified_by(scheme: type[Handmade]) -> Provider:
    return evolve(HAZEL, verification=scheme)


def drafting(change: Callable[[Any, Context, Any], Mapping[str, Any]]) -> Provider:
    """Return Hazel with some members of each draft replaced, made of payload, context and draft."""

    def changed(payload: Any, context: Context) -> Iterable[EventDraft]:
        drafts: Any = parse(payload, context)
        return [{**draft, **change(payload, context, draft)} for draft in drafts]  # type: ignore[misc]

    return evolve(HAZEL, parse=changed)


def before(step: Callable[[Any, Context], object]) -> Provider:
    """Return Hazel with a step before a payload, which is an object, is read."""

    def changed(payload: Any, context: Context) -> Iterable[EventDraft]:
        if isinstance(payload, dict):
            step(payload, context)
        return parse(payload, context)

    return evolve(HAZEL, parse=changed)


AUTHENTICITY = {
    "verification is always true": Mutant(
        verified_by(handmade.AlwaysTrue),
        "test_a_changed_body_is_refused",
        also={
            "test_a_header_with_one_bit_flipped_is_refused",
            "test_a_malformed_header_is_refused",
            "test_a_missing_header_is_refused",
            "test_a_repeated_header_proves_nothing_new",
            "test_a_second_secret_is_accepted_and_named",
            "test_a_secret_counts_only_within_its_time",
            "test_a_time_that_is_off_is_refused",
            "test_another_secret_is_refused",
        },
    ),
    "signatures are compared as str": Mutant(
        verified_by(handmade.ComparesText), "test_a_malformed_header_is_refused"
    ),
    "a prefix of the signature suffices": Mutant(
        verified_by(handmade.Prefix), "test_a_malformed_header_is_refused"
    ),
    "the time is ignored": Mutant(verified_by(handmade.Timeless), "test_a_time_that_is_off_is_refused"),
    "the future is accepted": Mutant(
        verified_by(handmade.TakesTheFuture), "test_a_time_that_is_off_is_refused"
    ),
    "the time is not signed": Mutant(
        verified_by(handmade.TimeUnsigned),
        "test_a_header_with_one_bit_flipped_is_refused",
        also={"test_a_malformed_header_is_refused"},
    ),
    "the end of the body is not signed": Mutant(
        verified_by(handmade.BodyUnsigned), "test_a_changed_body_is_refused"
    ),
    "JSON that was written again is verified": Mutant(
        verified_by(handmade.OtherJson), "test_a_changed_body_is_refused"
    ),
    "the first of two headers counts": Mutant(
        verified_by(handmade.FirstValue), "test_a_repeated_header_proves_nothing_new"
    ),
    "a header is not looked at": Mutant(
        evolve(HAZEL, sign=lambda *given: (*verification(given[0]).sign(given[1]), ("X-Hazel-Key", "k"))),
        "test_a_missing_header_is_refused",
        also={
            "test_a_header_with_one_bit_flipped_is_refused",
            "test_a_malformed_header_is_refused",
            "test_a_repeated_header_proves_nothing_new",
        },
    ),
    "an expired secret is accepted": Mutant(
        verified_by(handmade.TakesTheExpired), "test_a_secret_counts_only_within_its_time"
    ),
    "only the first secret is tried": Mutant(
        verified_by(handmade.FirstSecret),
        "test_a_second_secret_is_accepted_and_named",
        also={"test_a_secret_counts_only_within_its_time"},
    ),
    "the label of the secret is not reported": Mutant(
        verified_by(handmade.NoLabel), "test_a_second_secret_is_accepted_and_named"
    ),
    "a secret is told in an error": Mutant(
        verified_by(handmade.TellsTheSecret), "test_nothing_shows_a_secret"
    ),
    "a header is told in an error": Mutant(
        verified_by(handmade.TellsTheSignature), "test_nothing_shows_a_secret"
    ),
}


def through_a_float(payload: Any, _: Context, draft: Any) -> Mapping[str, Any]:
    amount = Decimal(str(float(draft["amounts"].received.amount)))
    return {"amounts": Amounts(received=Money(amount, Asset(payload["total"]["currency"])))}


def rounded(_: Any, __: Context, draft: Any) -> Mapping[str, Any]:
    money = draft["amounts"].received
    return {"amounts": Amounts(received=evolve(money, amount=+money.amount))}  # to 28 digits


def taken_for_paid(_: Any, __: Context, draft: Any) -> Mapping[str, Any]:
    return {"status": Status.COMPLETED} if draft["status"] is Status.UNKNOWN else {}


def quiet(_: Any, context: Context, __: Any) -> Mapping[str, Any]:
    context.anomalies.clear()
    return {}


delivered: set[str] = set()


def remembering(_: Any, __: Context, draft: Any) -> Mapping[str, Any]:
    known = str(draft["identity"]) in delivered
    delivered.add(str(draft["identity"]))
    return {"status": Status.PROCESSING} if known else {}


def raising(payload: Any, _: Context) -> None:
    if isinstance(payload.get("status"), str):
        STATUSES["payment"][payload["status"]]


def refusing(payload: Any, _: Context) -> None:
    word = payload.get("status")
    if isinstance(word, str) and word not in STATUSES["payment"]:
        raise fault("status", "is not known")


def telling(payload: Any, _: Context) -> None:
    if not isinstance(payload.get("status", ""), str):
        raise fault("status", f"{payload['status']!r} is no status of {payload.get('id')}")


def pathless(payload: Any, _: Context) -> None:
    total = payload.get("total")
    if isinstance(total, dict) and isinstance(total.get("amount"), list):
        raise fault("", "has a sum that is none")


def noting(payload: Any, context: Context) -> None:
    if payload.get("reason"):
        context.anomaly("reason", f"it says {payload['reason']}")


def closed(payload: Any, _: Context) -> None:
    if any(key.startswith("cambist_new") for key in payload):
        raise fault("", "has a field that is not documented")


def unguarded(payload: Any, _: Context) -> None:
    payload["reference"]


def aging(_: Any, context: Context) -> None:
    if context.delivery.received_at is None or context.delivery.received_at.year > 2026:
        raise fault("", "is too old")


def recursing(_: Any, context: Context) -> None:
    if b"[" * 300 in context.delivery.body:
        raise RecursionError("at a depth that depends on the release of Python")


def overwhelmed(payload: Any, _: Context) -> None:
    if sum(not isinstance(value, str) for value in payload.values()) > 4:
        raise RuntimeError


# Whatever reads an event on needs it in JSON.
NO_JSON = {
    "test_a_field_of_another_type_gives_events_or_one_error",
    "test_a_field_that_is_gone_or_null_gives_events_or_one_error",
    "test_a_field_with_an_odd_value_gives_events_or_one_error",
    "test_a_genuine_delivery_is_accepted",
    "test_a_hostile_body_gives_events_or_one_error",
    "test_a_new_field_gives_the_same_event",
    "test_a_number_in_quotes_or_out_of_them_keeps_its_digits",
    "test_a_sample_gives_events",
    "test_an_event_obeys_the_schema_and_survives_json",
    "test_an_unknown_status_is_kept",
    "test_an_unknown_type_is_kept",
    "test_every_digit_of_a_sum_survives",
    "test_several_odd_fields_give_events_or_one_error",
}

PAYLOADS = {
    "sums go through a float": Mutant(drafting(through_a_float), "test_every_digit_of_a_sum_survives"),
    "sums are rounded to 28 digits": Mutant(drafting(rounded), "test_every_digit_of_a_sum_survives"),
    "JSON numbers go through a float": Mutant(
        evolve(HAZEL, decode=lambda body: json.loads(body, parse_float=lambda text: Decimal(float(text)))),
        "test_a_number_in_quotes_or_out_of_them_keeps_its_digits",
        also={"test_a_hostile_body_gives_events_or_one_error"},
    ),
    "a status is mapped wrong": Mutant(
        evolve(HAZEL, statuses={"payment": {**STATUSES["payment"], "void": Status.FAILED}}),
        "test_a_delivery_becomes_what_its_case_says",
        cases=True,
    ),
    "a status is dropped": Mutant(
        drafting(lambda *_: {"provider_status": None}),
        "test_a_status_has_a_case",
        also={"test_a_delivery_becomes_what_its_case_says"},
        cases=True,
    ),
    "a documented status has no case": Mutant(
        evolve(HAZEL, statuses={"payment": {**STATUSES["payment"], "held": Status.ON_HOLD}}),
        "test_a_status_has_a_case",
        cases=True,
    ),
    "an unknown status raises": Mutant(
        before(raising),
        "test_an_unknown_status_is_kept",
        also={
            "test_a_field_of_another_type_gives_events_or_one_error",
            "test_a_field_with_an_odd_value_gives_events_or_one_error",
            "test_several_odd_fields_give_events_or_one_error",
        },
    ),
    "an unknown status is refused": Mutant(before(refusing), "test_an_unknown_status_is_kept"),
    "an unknown status is taken for paid": Mutant(drafting(taken_for_paid), "test_an_unknown_status_is_kept"),
    "anomalies are swallowed": Mutant(
        drafting(quiet), "test_an_unknown_status_is_kept", also={"test_an_unknown_type_is_kept"}
    ),
    "a type is told in other words": Mutant(
        drafting(lambda *_: {"provider_type": "payment"}), "test_an_unknown_type_is_kept"
    ),
    "a fault has no path": Mutant(before(pathless), "test_a_field_of_another_type_gives_events_or_one_error"),
    "a value is told in an error": Mutant(
        before(telling), "test_no_refusal_no_anomaly_and_no_log_tells_a_value"
    ),
    "a value is told in an anomaly": Mutant(
        before(noting), "test_no_refusal_no_anomaly_and_no_log_tells_a_value"
    ),
    "a new field is refused": Mutant(before(closed), "test_a_new_field_gives_the_same_event"),
    "a missing field raises": Mutant(
        before(unguarded),
        "test_a_field_that_is_gone_or_null_gives_events_or_one_error",
        also={
            "test_a_hostile_body_gives_events_or_one_error",
            "test_several_odd_fields_give_events_or_one_error",
        },
    ),
    "several odd fields raise": Mutant(
        before(overwhelmed), "test_several_odd_fields_give_events_or_one_error"
    ),
    "deep nesting is walked by recursion": Mutant(
        before(recursing),
        "test_a_field_with_an_odd_value_gives_events_or_one_error",
        also={"test_several_odd_fields_give_events_or_one_error"},
    ),
    "a float is handed on": Mutant(
        drafting(lambda *_: {"metadata": {"rate": 0.5}}),
        "test_an_event_holds_exact_values",
        also={*NO_JSON, "test_a_delivery_becomes_what_its_case_says"},
    ),
    "a time has no zone": Mutant(
        drafting(lambda *_: {"occurred_at": datetime(2026, 1, 15, 12)}),  # noqa: DTZ001
        "test_an_event_holds_exact_values",
        also=NO_JSON,
    ),
    "the answer is 500": Mutant(
        evolve(HAZEL, acknowledge=lambda *_: Acknowledgement(500)), "test_the_answer_is_a_success"
    ),
    "a delivery is remembered": Mutant(
        drafting(remembering), "test_a_delivery_that_comes_again_gives_the_same"
    ),
    "a header is read that is not declared": Mutant(
        drafting(lambda _, context, __: {"metadata": {"type": context.delivery.headers.get("Content-Type")}}),
        "test_a_stored_delivery_is_read_again_alike",
        also={"test_a_delivery_becomes_what_its_case_says"},
        cases=True,
    ),
    "a stored delivery gets too old": Mutant(before(aging), "test_a_stored_delivery_is_read_again_alike"),
}


def identified(make: Callable[[Any, Context, Any], Any]) -> Provider:
    return drafting(lambda *given: {"identity": make(*given)})


numbers = itertools.count()

IDENTITY = {
    "an identity from the time of arrival": Mutant(
        identified(lambda _, context, draft: (*draft["identity"], str(context.delivery.received_at))),
        "test_a_stored_delivery_is_read_again_alike",
        also={"test_a_delivery_signed_again_later_is_the_same_event"},
    ),
    "an identity from the headers": Mutant(
        identified(lambda _, context, draft: (*draft["identity"], *context.delivery.headers)),
        "test_headers_do_not_change_an_event",
        also={"test_a_stored_delivery_is_read_again_alike"},
    ),
    "an identity from the signed time": Mutant(
        evolve(
            identified(
                lambda _, context, draft: (
                    *draft["identity"],
                    context.delivery.headers.get("X-Hazel-Timestamp", ""),
                )
            ),
            headers=("X-Hazel-Timestamp",),
        ),
        "test_a_delivery_signed_again_later_is_the_same_event",
    ),
    "an identity from the order of the keys": Mutant(
        identified(lambda payload, _, draft: (*draft["identity"], *payload)),
        "test_the_order_of_keys_does_not_change_an_identity",
        also={"test_a_new_field_gives_the_same_event"},
    ),
    "an identity from the body's bytes": Mutant(
        identified(lambda _, context, __: (hashlib.sha256(context.delivery.body).hexdigest(),)),
        "test_the_order_of_keys_does_not_change_an_identity",
    ),
    "an identity that counts": Mutant(
        identified(lambda *_: (str(next(numbers)),)),
        "test_a_delivery_that_comes_again_gives_the_same",
        also={
            "test_a_delivery_signed_again_later_is_the_same_event",
            "test_a_new_field_gives_the_same_event",
            "test_a_stored_delivery_is_read_again_alike",
            "test_headers_do_not_change_an_event",
            "test_the_order_of_keys_does_not_change_an_identity",
        },
    ),
    "an identity that is constant": Mutant(
        identified(lambda *_: ("payment",)),
        "test_different_events_have_different_ids",
        also={"test_a_delivery_becomes_what_its_case_says"},
        cases=True,
    ),
    "an identity that is a text": Mutant(
        identified(lambda _, __, draft: "".join(draft["identity"])), "test_an_identity_is_a_tuple_of_texts"
    ),
    "an identity with a number": Mutant(
        identified(lambda _, __, draft: (*draft["identity"], 7)), "test_an_identity_is_a_tuple_of_texts"
    ),
}


@frozen
class Open:
    """Settings that take anything."""

    secrets: Any


@frozen
class Shown:
    """Settings that keep a secret as a text, which a repr shows."""

    secrets: Secrets
    first: str = field(init=False)

    @first.default
    def _first(self) -> str:
        return self.secrets[0].reveal()


RECORD = {
    "settings take anything": Mutant(
        evolve(HAZEL, settings=Open, verification=lambda _: verification(Settings((Secret("s3cret", "1"),)))),
        "test_a_setting_of_another_type_is_refused",
    ),
    "settings show a secret": Mutant(
        evolve(HAZEL, settings=Shown, verification=Handmade), "test_nothing_shows_a_secret"
    ),
    "a sample is refused": Mutant(
        evolve(HAZEL, samples=(*HAZEL.samples, evolve(HAZEL.samples[0], name="broken", body=b"{}"))),
        "test_a_sample_gives_events",
        cases=True,
    ),
    "the documentation is no URL": Mutant(
        evolve(HAZEL, documentation="see the wiki"), "test_the_record_is_in_order"
    ),
}

HAZELS = {**AUTHENTICITY, **PAYLOADS, **IDENTITY, **RECORD}


def parsed_whole(_: Any, context: Context) -> Iterable[EventDraft]:
    return parse_charge(decode_json(context.delivery.body), context)


def logged(payload: Any, context: Context) -> Iterable[EventDraft]:
    logging.getLogger("linden").debug("a charge: %s", context.delivery.body)
    return parse_charge(payload, context)


@frozen(kw_only=True)
class Beginning(ApiKey):
    def verify(self, delivery: Any) -> Verification:
        given = delivery.headers.get(self.header, "")
        for secret in self.secrets:
            if given and secret.reveal().startswith(given) and secret.holds_at(delivery.received_at):
                return Verification(self.name, secret.label)
        raise VerificationError("another key")


LINDENS = {
    "a card number is not masked": Mutant(
        evolve(LINDEN, parse=parsed_whole), "test_no_card_number_leaves_the_provider"
    ),
    "a card number is stored": Mutant(
        evolve(LINDEN, redact=lambda body: body, decode=decode_charge),
        "test_no_card_number_leaves_the_provider",
    ),
    "a card number is logged": Mutant(
        evolve(LINDEN, parse=logged),
        "test_no_refusal_no_anomaly_and_no_log_tells_a_value",
        also={"test_no_card_number_leaves_the_provider"},
    ),
    "redaction raises at what is no text": Mutant(
        evolve(LINDEN, redact=lambda body: redact(body.decode().encode()), decode=decode_charge),
        "test_redaction_takes_every_body",
    ),
    "the beginning of a key suffices": Mutant(
        evolve(LINDEN, verification=lambda settings: Beginning(secrets=settings.keys, header="X-Linden-Key")),
        "test_a_malformed_header_is_refused",
        also={"test_a_repeated_header_proves_nothing_new"},
    ),
}
