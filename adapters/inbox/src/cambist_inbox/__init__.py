"""A durable inbox: a 2xx means that the delivery and its events are on disk.

::

    async with Inbox(pipeline, "sqlite:///cambist.db", sinks=["shop"]) as inbox:
        async with Relay(inbox, {"shop": on_event}):
            receiver = Receiver(pipeline, inbox)
"""

from cambist_inbox._inbox import MAX_REJECTIONS, Inbox
from cambist_inbox._relay import ATTEMPTS, Relay

__all__ = ["ATTEMPTS", "MAX_REJECTIONS", "Inbox", "Relay"]
