"""Payment events on a message queue as CloudEvents, and raw deliveries off one.

Out, as a sink of ``cambist.toml`` or of a program::

    async with open_sink("nats://127.0.0.1:4222", {"topic": "cambist.events"}) as sink:
        receiver = Receiver(pipeline, sink)

In, for a service that reads the events::

    async with Consumer("nats://127.0.0.1:4222", on_event, group="orders", seen=SeenInSqlite("seen.db")):
        ...
"""

from __future__ import annotations

from collections.abc import Mapping

from cambist import hookimpl
from cambist.hookspecs import SinkFactory
from cambist_queue._address import SCHEMES, Address, address_of
from cambist_queue._asyncapi import asyncapi
from cambist_queue._cloudevents import decode, encode
from cambist_queue._consumer import Consumer
from cambist_queue._edge import RawReceiver, check_card_numbers
from cambist_queue._link import Link
from cambist_queue._make import make_topics
from cambist_queue._message import Message, Received
from cambist_queue._options import WORKERS, DeliveryOptions, EventOptions, RecordOptions, split_options
from cambist_queue._raw import decode_delivery, encode_delivery
from cambist_queue._records import check_records
from cambist_queue._seen import Seen, SeenInMemory, SeenInSqlite
from cambist_queue._sink import QueueSink, open_sink
from cambist_queue._table import QueueTable
from cambist_queue._topic import Topic, dead_letters, partition_of
from cambist_queue._worker import Input, Worker

__all__ = [
    "SCHEMES",
    "WORKERS",
    "Address",
    "Consumer",
    "DeliveryOptions",
    "EventOptions",
    "Input",
    "Link",
    "Message",
    "QueueSink",
    "QueueTable",
    "RawReceiver",
    "Received",
    "RecordOptions",
    "Seen",
    "SeenInMemory",
    "SeenInSqlite",
    "Topic",
    "Worker",
    "address_of",
    "asyncapi",
    "check_card_numbers",
    "check_records",
    "dead_letters",
    "decode",
    "decode_delivery",
    "encode",
    "encode_delivery",
    "make_topics",
    "open_sink",
    "partition_of",
    "split_options",
]


@hookimpl
def cambist_register_sinks() -> Mapping[str, SinkFactory]:
    """Register a sink for each scheme; what a broker needs is imported when its sink is opened."""
    return dict.fromkeys(SCHEMES, open_sink)
