"""What is wrong with the table of a queue, as far as that is seen without its broker."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from cambist import Route
from cambist.errors import ConfigurationError
from cambist_cli._queue_tables import Queue


def queue_problem(queue: Queue, routes: Mapping[str, Route]) -> str | None:
    """Return what is wrong with a queue, if something is: ``topic: …``.

    Args:
        queue: A sink that may be a queue, or a queue that is read.
        routes: The sources that are in order, by name.
    """
    if find_spec("cambist_queue") is None:
        return None if queue.is_sink else "is not installed: install cambist-cli[queue]"
    table = queue.table()
    if table is None:
        return None  # of another plugin, which reads its keys when it is opened
    try:
        table.read()
    except ConfigurationError as error:
        return error.reason
    route = routes.get(queue.source or "")
    if route is not None and route.scheme.name != "none":
        return f"source: asks for {route.scheme.name}, and a record carries no proof: set its auth to none"
    return None
