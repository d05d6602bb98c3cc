"""A durable inbox: a 2xx means that the delivery and its events are on disk.

::

    async with Inbox(pipeline, "sqlite:///cambist.db", sinks=["shop"]) as inbox:
        async with Relay(inbox, {"shop": on_event}):
            receiver = Receiver(pipeline, inbox)
"""

from cambist_inbox._archive import Archive
from cambist_inbox._backup import backup, restore
from cambist_inbox._differences import Difference
from cambist_inbox._inbox import MAX_REJECTIONS, Inbox
from cambist_inbox._queries import Filter
from cambist_inbox._rekey import Rekeyed
from cambist_inbox._relay import ATTEMPTS, Relay
from cambist_inbox._reread import Change, PaymentChange, Replayed, Result, VerdictChange
from cambist_inbox._retention import KEEP_BODIES, KEEP_REJECTIONS, Pruned, Retention

__all__ = [
    "ATTEMPTS",
    "KEEP_BODIES",
    "KEEP_REJECTIONS",
    "MAX_REJECTIONS",
    "Archive",
    "Change",
    "Difference",
    "Filter",
    "Inbox",
    "PaymentChange",
    "Pruned",
    "Rekeyed",
    "Relay",
    "Replayed",
    "Result",
    "Retention",
    "VerdictChange",
    "backup",
    "restore",
]
