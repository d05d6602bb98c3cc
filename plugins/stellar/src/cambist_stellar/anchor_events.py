"""The events of an anchor's business server: transactions, quotes, customers."""

from __future__ import annotations

from attrs import frozen

from cambist import Amounts, Context, EventDraft, Kind, Money, Party, Payment, Quote, Refund, Status
from cambist import Transaction as Movement
from cambist_stellar import anchor_payloads as payloads
from cambist_stellar import parts


@frozen
class Callback:
    """What came, out of its envelope.

    Attributes:
        type: The platform's word for what happened.
        identity: What makes it this event.
        objects: What it is about: transaction, quote, customer.
        path: What stands before their names in a path: ``payload.``, or nothing.
    """

    type: str
    identity: tuple[str, ...]
    objects: payloads.Objects
    path: str


def transaction_event(callback: Callback, context: Context) -> EventDraft:
    """Return the event of a transaction of SEP-6, SEP-24 or SEP-31."""
    path = f"{callback.path}transaction"
    transaction = context.read(payloads.Transaction, callback.objects["transaction"], path)
    kind = parts.KINDS.get(transaction.get("kind") or "", Kind.UNKNOWN)
    sums = _sums(transaction, path, context)
    draft = parts.transaction_draft(transaction, kind, callback.identity, sums, path, context)
    draft["provider_type"] = callback.type
    draft["transactions"] = _movements(transaction, f"{path}.stellar_transactions", context)
    draft["parties"] = _parties(transaction)
    return draft


def _sums(transaction: payloads.Transaction, path: str, context: Context) -> parts.Sums:
    def money(of: payloads.Amount | None, name: str) -> Money | None:
        return _money(of, f"{path}.{name}", context)

    refunds = transaction.get("refunds")
    return parts.Sums(
        Amounts(
            requested=money(transaction.get("amount_expected"), "amount_expected"),
            sent=money(transaction.get("amount_in"), "amount_in"),
            received=money(transaction.get("amount_out"), "amount_out"),
            refunded=money(refunds.get("amount_refunded"), "refunds.amount_refunded") if refunds else None,
        ),
        fee=money(transaction.get("amount_fee"), "amount_fee"),
        refund_fee=money(refunds.get("amount_fee"), "refunds.amount_fee") if refunds else None,
        refunds=tuple(
            Refund(
                id=payment.get("id"),
                type=payment.get("id_type"),
                money=money(payment.get("amount"), f"refunds.payments[{index}].amount"),
                fee=money(payment.get("fee"), f"refunds.payments[{index}].fee"),
                requested_at=payment.get("requested_at"),
                refunded_at=payment.get("refunded_at"),
            )
            for index, payment in enumerate((refunds.get("payments") if refunds else None) or ())
        ),
    )


def _money(of: payloads.Amount | None, path: str, context: Context) -> Money | None:
    """Return an amount. One that does not say what it is of is kept, and noted."""
    if of is None:
        return None
    money = parts.money(of.get("amount"), of.get("asset"), context)
    if money is not None and of.get("asset") is None:
        context.anomaly(f"{path}.asset", "is missing or empty: nothing says what the amount is of")
    return money


def _movements(transaction: payloads.Transaction, path: str, context: Context) -> tuple[Movement, ...]:
    """Return one movement for each payment on the chain; a transaction without any is one as well."""
    network, movements = parts.network(context), []
    for index, on_chain in enumerate(transaction.get("stellar_transactions") or ()):
        hash_, memo = on_chain.get("id"), on_chain.get("memo")
        payments = on_chain.get("payments") or ()
        for number, payment in enumerate(payments):
            where = f"{path}[{index}].payments[{number}].amount"
            movements.append(
                Movement(
                    id=payment.get("id"),
                    type=payment.get("payment_type"),
                    hash=hash_,
                    network=network,
                    from_=payment.get("source_account"),
                    to=payment.get("destination_account"),
                    memo=memo,
                    money=_money(payment.get("amount"), where, context),
                )
            )
        if not payments:
            movements.append(Movement(hash=hash_, network=network, memo=memo))
    return tuple(movements)


def _parties(transaction: payloads.Transaction) -> tuple[Party, ...]:
    """Return the customers, and the accounts that the money moves between: those may be another's."""
    customers = transaction.get("customers")
    domain, name = transaction.get("client_domain"), transaction.get("client_name")
    return (
        *_party("sender", customers.get("sender") if customers else None),
        *_party("receiver", customers.get("receiver") if customers else None),
        *_party("creator", transaction.get("creator")),
        *parts.account("source", transaction.get("source_account")),
        *parts.account("destination", transaction.get("destination_account"), transaction.get("memo")),
        *parts.account("refund", None, transaction.get("refund_memo")),
        *((Party("client", id=domain, name=name),) if domain or name else ()),
    )


def _party(role: str, who: payloads.StellarId | None) -> tuple[Party, ...]:
    if who is None or not (who.get("id") or who.get("account") or who.get("memo")):
        return ()
    return (Party(role, who.get("id"), who.get("account"), who.get("memo")),)


def quote_event(callback: Callback, context: Context) -> EventDraft:
    """Return the event of a quote. It has no status of its own: it is there."""
    path = f"{callback.path}quote"
    quote = context.read(payloads.Quote, callback.objects["quote"], path)
    if quote.get("id") is None:
        context.anomaly(f"{path}.id", "is missing")
    return EventDraft(
        kind=Kind.QUOTE,
        status=Status.CREATED,
        identity=callback.identity,
        provider_type=callback.type,
        payment=Payment(quote.get("transaction_id"), quote_id=quote.get("id")),
        fees=parts.itemised(quote.get("fee"), f"{path}.fee", context),
        parties=_party("creator", quote.get("creator")),
        quote=Quote(
            id=quote.get("id"),
            sell=parts.money(quote.get("sell_amount"), quote.get("sell_asset"), context),
            buy=parts.money(quote.get("buy_amount"), quote.get("buy_asset"), context),
            price=quote.get("price"),
            total_price=quote.get("total_price"),
            expires_at=quote.get("expires_at"),
            created_at=quote.get("created_at"),
        ),
        occurred_at=quote.get("created_at"),
    )


def customer_event(callback: Callback, context: Context) -> EventDraft:
    """Return the event of a customer. The platform says that something changed, and not what."""
    path = f"{callback.path}customer"
    who = context.read(payloads.Customer, callback.objects["customer"], path).get("id")
    if who is None:
        context.anomaly(f"{path}.id", "is missing")
    return EventDraft(
        kind=Kind.CUSTOMER,
        status=Status.UNKNOWN,
        identity=callback.identity,
        provider_type=callback.type,
        payment=Payment(customer_reference=who),
        parties=(Party("customer", who),) if who else (),
    )
