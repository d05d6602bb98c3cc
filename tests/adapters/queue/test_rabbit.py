"""What is RabbitMQ's own, against a server that asks for a user, in a virtual host, in clear and over TLS."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, DeliveryMode
from aio_pika.exceptions import ChannelClosed
from attrs import evolve, frozen
from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_rabbitmq
from cloudevents.core.formats.json import JSONFormat

from cambist.errors import ConfigurationError, SinkError
from cambist_queue import Link, Received, Topic, address_of, encode, partition_of
from cambist_queue._link import UnsendableError
from cambist_queue._rabbit_readers import cancellable
from cambist_queue._rabbit_topics import check

from .conftest import Readings, message
from .servers import rabbit
from .servers.certificates import write_certificate
from .servers.process import free_port
from .toy import event

USER, PASSWORD, HOST = "cambist", "p@ss:w/rd +1", "a/host"


@frozen
class Node:
    port: int
    tls_port: int
    certificate: Path

    def url(self, scheme: str = "amqp", password: str = PASSWORD, hosts: str | None = None) -> str:
        at = hosts or f"127.0.0.1:{self.tls_port if scheme == 'amqps' else self.port}"
        return f"{scheme}://{USER}:{quote(password, safe='')}@{at}/{quote(HOST, safe='')}"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    if reason := rabbit.missing():
        assert "CI" not in os.environ, reason
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("rabbit")
    certificate, key = write_certificate(folder)
    tls_port = free_port()
    settings = {
        "default_user": USER,
        "default_pass": PASSWORD,
        "default_vhost": HOST,
        "listeners.ssl.default": f"127.0.0.1:{tls_port}",
        "ssl_options.cacertfile": certificate,
        "ssl_options.certfile": certificate,
        "ssl_options.keyfile": key,
    }
    server = rabbit.Server(folder, settings)
    server.start()
    try:
        yield Node(server.port, tls_port, certificate)
    finally:
        server.stop()


@asynccontextmanager
async def linked(
    node: Node, *topics: Topic, url: str | None = None, options: dict[str, Any] | None = None
) -> AsyncIterator[Link]:
    async with Link(address_of(url or node.url(), options), topics, create=True) as link:
        await asyncio.wait_for(link.connected(), 30)
        yield link


@asynccontextmanager
async def driver(node: Node) -> AsyncIterator[AbstractChannel]:
    """A channel of the driver's, for what our client does not do."""
    async with await aio_pika.connect(node.url()) as connection, await connection.channel() as channel:
        yield channel


def keys_of(topic: Topic) -> list[str]:
    """A key for each partition."""
    found: dict[int, str] = {}
    for number in range(1000):
        found.setdefault(partition_of(str(number), topic.partitions), str(number))
    return [found[partition] for partition in range(topic.partitions)]


@pytest.mark.parametrize("scheme", ["amqp", "amqps"])
async def test_a_user_and_a_virtual_host_and_tls(node: Node, topic: Topic, scheme: str) -> None:
    options = {"tls": {"ca_file": str(node.certificate)}} if scheme == "amqps" else {}
    readings = Readings()
    async with linked(node, topic, url=node.url(scheme), options=options) as link:
        await link.ready()
        await link.send(topic, message(1))
        async with link.client.consume(topic, "main", readings):
            await readings.until(lambda: readings.numbers == [1])


@pytest.mark.parametrize(
    "refused",
    [
        lambda node: node.url(password="another"),
        lambda node: node.url().rpartition("/")[0],
        lambda node: node.url("amqps"),
    ],
    ids=["another password", "another virtual host", "a certificate that nobody vouches for"],
)
async def test_what_the_server_or_we_do_not_trust_is_not_connected(
    node: Node, topic: Topic, refused: Callable[[Node], str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with Link(address_of(refused(node), {"timeout_s": 5}), (topic,)) as link:
        with pytest.raises(SinkError, match="not reached"):
            await link.ready()
    assert "p@ss" not in caplog.text
    assert "another" not in caplog.text


async def test_the_first_server_that_answers_is_used(node: Node, topic: Topic) -> None:
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{node.port}"
    async with linked(node, topic, url=node.url(hosts=hosts)) as link:
        await link.send(topic, message(1))


async def test_readers_share_the_partitions(node: Node) -> None:
    """One that comes gets its share, and when one goes the others have all of them."""
    topic = Topic(f"t{uuid4().hex[:12]}.events", 8, ("main",))
    owners: dict[int, int] = {}

    def reader(number: int) -> Callable[[Received], Awaitable[None]]:
        async def handle(received: Received) -> None:
            owners[received.partition] = number

        return handle

    async def settle(link: Link, shares: list[int]) -> None:
        async with asyncio.timeout(60):
            while sorted(Counter(owners.values()).values()) != shares:
                owners.clear()
                for key in keys_of(topic):
                    await link.send(topic, message(1, key))
                while len(owners) < topic.partitions:
                    await asyncio.sleep(0.01)

    async with AsyncExitStack() as stack:
        links = [await stack.enter_async_context(linked(node, topic)) for _ in range(3)]
        async with links[0].client.consume(topic, "main", reader(0)):
            await settle(links[0], [8])
            async with links[1].client.consume(topic, "main", reader(1)):
                await settle(links[0], [4, 4])
                async with links[2].client.consume(topic, "main", reader(2)):
                    await settle(links[0], [2, 3, 3])
            owners.clear()
            await settle(links[0], [8])


async def test_what_is_handed_over_keeps_its_order(node: Node, topic: Topic) -> None:
    """Each reader handles some messages, and leaves one under way and others that were on their way."""
    seen: dict[str, list[int]] = defaultdict(list)
    keys = keys_of(topic)
    async with linked(node, topic) as link:
        for number in range(40):
            for key in keys:
                await link.send(topic, message(number, key, subject=key))
        for turn in range(12):
            handled, stuck = Counter[str](), set[str]()
            enough = asyncio.Event()

            async def handle(received: Received) -> None:
                key = received.headers["subject"]
                if handled[key] == turn % 4:  # noqa: B023  # it is called within its turn
                    stuck.add(key)  # noqa: B023
                    if len(stuck) == len(keys):  # noqa: B023
                        enough.set()  # noqa: B023
                    await asyncio.Event().wait()
                handled[key] += 1  # noqa: B023
                seen[key].append(int(received.body))

            async with link.client.consume(topic, "main", handle):
                await asyncio.wait_for(enough.wait(), 30)
        readings = Readings()
        left = len(keys) * 40 - sum(map(len, seen.values()))
        async with link.client.consume(topic, "main", readings):
            await readings.until(lambda: len(readings.got) == left)
    for received in readings.got:
        seen[received.headers["subject"]].append(int(received.body))
    assert all(numbers == list(range(40)) for numbers in seen.values())


async def test_a_message_whose_handler_fails_comes_again_before_the_next_one(
    node: Node, topic: Topic
) -> None:
    failed: list[int] = []

    async def once(received: Received) -> None:
        if not failed:
            failed.append(int(received.body))
            raise ValueError(received.body)

    readings = Readings(once)
    async with linked(node, topic) as link:
        for number in (1, 2, 3):
            await link.send(topic, message(number))
        async with link.client.consume(topic, "main", readings):
            await readings.until(lambda: len(readings.got) == 3)
    assert failed == [1]
    assert readings.numbers == [1, 2, 3]


async def test_what_is_cancelled_stays_cancelled_when_the_driver_makes_an_error_of_it() -> None:
    waiting = asyncio.Event()

    async def driver_call() -> None:
        try:
            waiting.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ChannelClosed(406, "closed meanwhile") from None

    async def ours() -> None:
        with suppress(Exception), cancellable():
            await driver_call()

    task = asyncio.create_task(ours())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_message_that_no_queue_takes_is_refused(node: Node, topic: Topic) -> None:
    (key, *_) = keys_of(topic)
    async with linked(node, topic) as link:
        async with driver(node) as channel:
            queue = await channel.get_queue(f"{topic.name}.main.p0")
            await queue.delete(if_unused=False, if_empty=False)
        with pytest.raises(SinkError, match="did not confirm"):
            await link.send(topic, message(1, key))
        with pytest.raises(ConfigurationError, match=r"main\.p0 is missing: run `cambist queue init`"):
            await link.client.check(topic)
        readings = Readings()
        async with link.client.consume(topic, "main", readings):
            await link.client.create(topic)  # a reader finds what was not there before
            await link.send(topic, message(2, key))
            await readings.until(lambda: readings.numbers == [2])


async def test_a_topic_takes_all_settings_and_keeps_them(node: Node, topic: Topic) -> None:
    topic = evolve(topic, keep=False, max_age_s=3600, max_bytes=2**20)
    async with linked(node, topic) as link:
        await link.client.create(topic)
        with pytest.raises(ConfigurationError, match="x-message-ttl"):
            await link.client.create(evolve(topic, max_age_s=60))
        with pytest.raises(ConfigurationError, match="has to be the one that it was made with"):
            await link.client.create(evolve(topic, partitions=8, groups=("audit",)))


async def test_more_than_max_bytes_drops_the_oldest(node: Node, topic: Topic) -> None:
    topic = evolve(topic, partitions=1, max_bytes=100_000)
    async with linked(node, topic) as link:
        for number in range(30):
            await link.send(topic, evolve(message(number), body=b"%d" % number + b" " * 10_000))
        readings = Readings()
        async with link.client.consume(topic, "main", readings):
            await readings.until(lambda: 29 in readings.numbers)
    assert 5 <= len(readings.got) < 10
    assert readings.numbers == list(range(30 - len(readings.got), 30))


@pytest.mark.parametrize("mode", ["binary", "structured"])
async def test_the_official_sdk_reads_what_is_on_the_queue(node: Node, topic: Topic, mode: Any) -> None:
    sent = encode(event(1), mode)
    async with linked(node, topic) as link, driver(node) as channel:
        await link.send(topic, sent)
        name = f"{topic.name}.main.p{partition_of(sent.key, topic.partitions)}"
        async with (await channel.get_queue(name)).iterator(timeout=10) as messages:
            found = await anext(messages)
    assert found.message_id == event(1).id
    assert found.delivery_mode == DeliveryMode.PERSISTENT
    headers = {name: str(value) for name, value in found.headers.items()}
    read = from_rabbitmq(RabbitMQMessage(headers, found.content_type, found.body), JSONFormat())
    assert (read.get_id(), read.get_type()) == (event(1).id, "cambist.payment.completed")


async def test_the_prefixes_of_other_bindings_are_read_too(node: Node, topic: Topic) -> None:
    headers = {
        "cloudEvents:id": "1",
        "cloudEvents_time": datetime(2026, 1, 31, 12, tzinfo=UTC),
        "cloudEvents_number": 7,
        "x-other": "no attribute",
    }
    readings = Readings()
    async with linked(node, topic) as link, driver(node) as channel:
        exchange = await channel.get_exchange(topic.name)
        await exchange.publish(aio_pika.Message(b"1", headers=headers), "p0")
        async with link.client.consume(topic, "main", readings):
            await readings.until(lambda: bool(readings.got))
    assert readings.got[0].headers == {"id": "1", "time": "2026-01-31T12:00:00+00:00", "number": "7"}
    assert readings.got[0].content_type is None


async def test_no_log_shows_a_message(node: Node, topic: Topic, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def fail(_: Received) -> None:
        if len(readings.got) == 0 and not failed:
            failed.append(1)
            raise ValueError("the-body")

    failed: list[int] = []
    readings = Readings(fail)
    async with linked(node, topic) as link:
        one = evolve(message(1, "the-key", subject="the-subject"), body=b"the-body")
        await link.send(topic, one)
        with pytest.raises(SinkError):
            await link.send(evolve(topic, name=f"{topic.name}x"), one)
        async with link.client.consume(topic, "main", readings):
            await readings.until(lambda: bool(readings.got))
    assert failed
    assert not any(value in caplog.text for value in ("the-key", "the-subject", "the-body"))


@pytest.fixture(scope="module")
def small_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rabbit.Server]:
    """A server that takes bodies up to 100,000 bytes, and lets the guest in."""
    if reason := rabbit.missing():
        assert "CI" not in os.environ, reason
        pytest.skip(reason)
    server = rabbit.Server(tmp_path_factory.mktemp("small"), {"max_message_size": 100_000})
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize("size", [130_000, 131_000, 131_072, 200_000])
async def test_headers_beyond_a_frame_are_refused_and_nothing_beside_them(
    node: Node, topic: Topic, size: int
) -> None:
    large = message(0, subject="s" * size)
    fits = size == 130_000
    readings = Readings()
    async with linked(node, topic) as link:
        sent = await asyncio.gather(
            *(link.send(topic, each) for each in (message(1), large, message(2))), return_exceptions=True
        )
        assert [type(each) for each in sent] == [
            NoneType,
            NoneType if fits else UnsendableError,
            NoneType,
        ]
        async with link.client.consume(topic, "main", readings):
            await readings.until(lambda: len(readings.got) == 2 + fits)


async def test_headers_are_refused_exactly_from_the_frame_on(node: Node, topic: Topic) -> None:
    confirmed = set[int]()
    sizes = range(131_072 - 250, 131_072, 5)
    async with linked(node, topic) as link:
        for size in sizes:
            with suppress(UnsendableError):
                await link.send(topic, message(0, subject="s" * size))
                confirmed.add(size)
    assert sorted(confirmed) == list(sizes[: len(confirmed)])
    assert 0 < len(confirmed) < len(sizes)


async def test_a_content_type_beyond_what_amqp_has_is_refused(node: Node, topic: Topic) -> None:
    async with linked(node, topic) as link:
        with pytest.raises(UnsendableError):
            await link.send(topic, evolve(message(1), content_type="text/" + "x" * 300))
        await link.send(topic, message(1))


async def test_a_body_beyond_what_the_server_takes_is_refused(
    small_node: rabbit.Server, topic: Topic
) -> None:
    async with Link(address_of(small_node.url), (topic,), create=True) as link:
        for size in (100_001, 200_000):  # the first of them tells the limit
            with pytest.raises(UnsendableError):
                await link.send(topic, evolve(message(1), body=b"b" * size))
        await link.send(topic, evolve(message(2), body=b"b" * 100_000))


@pytest.mark.parametrize("changes", [{"password": None}, {"user": None}], ids=["no password", "no user"])
async def test_what_is_not_given_is_not_the_guests(
    small_node: rabbit.Server, topic: Topic, changes: dict[str, Any]
) -> None:
    address = address_of(small_node.url)
    with pytest.raises(ConfigurationError, match="user, password: RabbitMQ asks for both"):
        Link(evolve(address, **changes), (topic,))


@pytest.mark.parametrize(
    ("key", "value", "argument"),
    [
        ("max_age_s", 60, "x-message-ttl"),
        ("max_age_s", None, "x-message-ttl"),
        ("max_bytes", 2**21, "x-max-length-bytes"),
    ],
)
async def test_other_settings_than_the_queues_have_are_refused(
    node: Node, topic: Topic, key: str, value: int | None, argument: str
) -> None:
    topic = evolve(topic, max_age_s=3600, max_bytes=2**20)
    changes: dict[str, Any] = {key: value}
    async with linked(node, topic) as link:
        for see in (link.client.check, link.client.create):
            with pytest.raises(ConfigurationError, match=f"{argument}.*Configure it as it is, or delete it"):
                await see(evolve(topic, **changes))
            await see(topic)


async def test_who_may_not_make_queues_may_use_them(
    node: Node, topic: Topic, caplog: pytest.LogCaptureFixture
) -> None:
    """How they were made is not compared then."""
    caplog.set_level(logging.INFO)
    async with linked(node, topic) as link:
        connection: Any = link.client
        opened = connection.channel

        @asynccontextmanager
        async def without_permission() -> AsyncIterator[Any]:
            async with opened() as channel:
                declare = channel.declare_queue

                async def refused(*args: Any, passive: bool = False, **more: Any) -> Any:
                    if passive:
                        return await declare(*args, passive=True, **more)
                    return await declare("amq.reserved", durable=True)  # 403, as without the permission

                channel.declare_queue = refused
                yield channel

        await check(without_permission, topic)
        assert "may not be compared" in caplog.text
        await link.send(topic, message(1))
