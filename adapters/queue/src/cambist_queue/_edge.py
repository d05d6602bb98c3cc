"""An edge that verifies nothing: it puts each delivery on a queue as it came, for workers to read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final

from cambist import Acknowledgement, Delivery, Pipeline, Receiver, Telemetry, Watch, problem
from cambist.errors import CambistError, ConfigurationError, SinkError, UnknownSource
from cambist_queue._cloudevents import order_key
from cambist_queue._link import Link, UnsendableError
from cambist_queue._options import Order
from cambist_queue._raw import encode_delivery
from cambist_queue._topic import Topic

logger = logging.getLogger("cambist.queue")


class RawReceiver(Receiver):
    """Answers a delivery when a queue has it, as it came.

    The answer is 413 if the broker takes no message of its size, and 503 if it does not have it for another
    reason. The sender is told that the delivery arrived, before anybody has verified it. So what turns out to
    be forged or unreadable becomes a dead letter, and is not sent again.

    Args:
        pipeline: Which sources there are.
        link: The way to the broker, open.
        topic: Where deliveries go.
        order: What keeps its order: ``payment`` reads each delivery to find its payment; ``source`` puts all
            deliveries of a source into one partition; ``none`` spreads them.
        card_numbers: Whether deliveries that hold card numbers may stand on the queue, in clear.
        telemetry: Is told what becomes of each delivery; nothing of events, for there are none yet.

    Raises:
        ConfigurationError: A source's deliveries hold card numbers, and that was not allowed.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        link: Link,
        topic: Topic,
        *,
        order: Order = "payment",
        card_numbers: bool = False,
        telemetry: Telemetry | None = None,
    ) -> None:
        if not card_numbers:
            check_card_numbers(pipeline)
        # What a receiver does with a sink is the workers': there is none here.
        self.pipeline = pipeline
        self._telemetry = telemetry
        self._link = link
        self._topic = topic
        self._key = _KEYS[order]

    async def _receive(self, delivery: Delivery, watch: Watch) -> Acknowledgement:
        route = self.pipeline.route(delivery.source)
        if route is None:
            watch.failed(UnknownSource("no such source is configured", source=delivery.source[:64]))
            return problem(404)
        try:
            await self._link.send(self._topic, encode_delivery(delivery, self._key(self.pipeline, delivery)))
        except UnsendableError as error:
            # To deliver it again would not help, so the sender is not asked to.
            watch.failed(SinkError(error.reason, source=delivery.source))
            logger.error("source %r: refused with 413: %s", delivery.source, error)  # noqa: TRY400
            return problem(413)
        except SinkError as error:
            watch.failed(error)
            logger.error("source %r: refused with 503: %s", delivery.source, error)  # noqa: TRY400
            return problem(503, error)
        try:
            return route.provider.acknowledge(delivery, ())
        except Exception:  # noqa: BLE001  # an answer made of events: there are none yet
            return Acknowledgement()

    async def ready(self) -> None:
        """Return if the broker answers.

        Raises:
            SinkError: It does not.
        """
        await self._link.ready()


def check_card_numbers(pipeline: Pipeline) -> None:
    """See that no source's deliveries hold card numbers: they would stand on the queue in clear.

    Raises:
        ConfigurationError: A source's do.
    """
    for route in pipeline.routes:
        if route.provider.redact is not None:
            raise ConfigurationError(
                "its deliveries hold card numbers, which would stand on the queue in clear: "
                "receive it with an inbox, or set card_numbers = true in [deliveries]",
                source=route.source.name,
            )


def _of_payment(pipeline: Pipeline, delivery: Delivery) -> str:
    """Return the key of the payment. Nothing is proven by that: whoever forges one picks a partition."""
    try:
        return order_key(pipeline.parse(delivery).events[0])
    except CambistError:
        return delivery.source


def _of_source(_pipeline: Pipeline, delivery: Delivery) -> str:
    return delivery.source


def _spread(_pipeline: Pipeline, delivery: Delivery) -> str:
    return str(hash(delivery.body))


_KEYS: Final[Mapping[str, Callable[[Pipeline, Delivery], str]]] = {
    "payment": _of_payment,
    "source": _of_source,
    "none": _spread,
}
