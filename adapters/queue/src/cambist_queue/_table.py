"""A table of the configuration that is about a queue: its keys, its broker, and where its messages are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from attrs import field, frozen

from cambist.errors import ConfigurationError
from cambist_queue._address import Address, address_of
from cambist_queue._options import DeliveryOptions, EventOptions, RecordOptions, split_options

Options: TypeAlias = EventOptions | DeliveryOptions | RecordOptions


@frozen
class QueueTable:
    """A table of the configuration: a sink, the queue of deliveries, or a provider's own queue.

    Args:
        kind: Which of them.
        url: The broker. It may hold a password.
        options: The further keys.
    """

    kind: type[Options]
    url: str = field(repr=False)
    options: Mapping[str, Any] = field(repr=False)

    def read(self) -> tuple[Options, Address]:
        """Return its keys, and its broker.

        Raises:
            ConfigurationError: A key is unknown or malformed, or no such queue can be on such a broker.
        """
        options, rest = split_options(self.kind, self.options)
        address = address_of(self.url, rest)
        if self.kind is RecordOptions and address.broker != "kafka":
            raise ConfigurationError(
                "url: its scheme is neither kafka nor kafka+tls: a provider's own queue is a topic of Kafka"
            )
        return options, address

    def places(self) -> frozenset[tuple[str, ...]]:
        """Return where its messages are: each topic on each server, its name last.

        No two tables may have a place in common: what one writes, the other would read or write again.

        Raises:
            ConfigurationError: As `read` does.
        """
        options, address = self.read()
        return frozenset(
            (address.broker, server, address.part, topic.name)
            for server in address.servers
            for topic in options.needed
        )
