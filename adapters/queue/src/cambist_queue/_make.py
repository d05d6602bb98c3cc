"""Making what has to be on a broker, once and by name, before anything runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from cambist.errors import CambistError, SinkError, place
from cambist_queue._link import client_of
from cambist_queue._table import Options, QueueTable
from cambist_queue._topic import Topic


async def make_topics(kind: type[Options], url: str, options: Mapping[str, Any]) -> tuple[Topic, ...]:
    """Make the topics that a table of the configuration needs. What is there as it should be is left alone.

    Args:
        kind: Whether it is a sink, the queue of deliveries, or a provider's own queue.
        url: The broker.
        options: The further keys of the table.

    Returns:
        The topics, which are there now.

    Raises:
        ConfigurationError: A key is malformed, or a topic is there in another form.
        SinkError: The broker is away.
    """
    given, address = QueueTable(kind, url, options).read()
    client = client_of(address)
    try:
        async with asyncio.timeout(address.timeout_s):
            await client.connect()
        for topic in given.made:
            await client.create(topic)
        for topic in given.needed:
            await client.check(topic)
    except CambistError:
        raise
    except Exception as error:  # noqa: BLE001  # a driver's text may hold the URL
        problem = place(error)
    else:
        return given.needed
    finally:
        await client.close()
    raise SinkError(f"{address.broker} cannot be used: {problem}")
