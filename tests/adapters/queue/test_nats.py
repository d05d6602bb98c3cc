"""What is NATS' own: sizes, connections that end for good, settings that were changed, clusters."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import nats
import pytest
from attrs import evolve
from nats.errors import NoRespondersError
from nats.js import JetStreamContext
from nats.js.errors import APIError

from cambist.errors import ConfigurationError, SinkError
from cambist_queue import Link, Received, Topic, address_of
from cambist_queue._link import UnsendableError
from cambist_queue._nats import Connection

from .conftest import Readings, linked, message
from .servers import nats as servers
from .servers.certificates import write_certificate
from .servers.process import free_port

MOST = 2**15
"""The server's ``max_payload``."""

pytestmark = pytest.mark.xdist_group("nats")


@contextmanager
def running(server: servers.Server) -> Iterator[servers.Server]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module", autouse=True)
def _there() -> None:
    if reason := servers.missing():
        assert "CI" not in os.environ, reason
        pytest.skip(reason)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    folder = tmp_path_factory.mktemp("nats")
    config = folder / "nats.conf"
    config.write_text(f"max_payload: {MOST}\n")
    with running(servers.Server(folder, "-c", str(config))) as node:
        yield node


@asynccontextmanager
async def jetstream(node: servers.Server) -> AsyncIterator[JetStreamContext]:
    """The driver's own connection, for what an operator does."""
    connection = await nats.connect(node.url)
    try:
        yield connection.jetstream()
    finally:
        await connection.close()


def driver_of(link: Link) -> Any:
    client: Any = link.client
    assert isinstance(client, Connection)
    return client._connection


async def is_confirmed(link: Link, topic: Topic, body: int, header: int) -> bool:
    try:
        await link.send(topic, evolve(message(1, subject="s" * header), body=b"b" * body))
    except UnsendableError:
        return False
    return True


@pytest.mark.parametrize(
    ("sizes", "header", "most"),
    [
        pytest.param(range(MOST - 1000, MOST + 40, 3), 1, MOST, id="a body"),
        pytest.param(range(0, 900, 3), MOST - 700, MOST, id="headers, beyond which a body is too much"),
    ],
)
async def test_a_message_is_confirmed_or_refused_whatever_its_size(
    node: servers.Server, topic: Topic, sizes: range, header: int, most: int
) -> None:
    async with linked(node, topic) as link:
        before = driver_of(link)
        confirmed = [size for size in sizes if await is_confirmed(link, topic, size, header)]
        assert confirmed == list(sizes[: len(confirmed)])
        assert 0 < len(confirmed) < len(sizes)
        assert most - 700 < confirmed[-1] + header < most
        await link.send(topic, message(2))
        assert driver_of(link) is before
        readings = Readings()
        async with link.client.consume(topic, "main", readings):
            await readings.until(lambda: len(readings.got) == len(confirmed) + 1)


async def test_headers_beyond_what_jetstream_takes_are_refused(tmp_path: Path, topic: Topic) -> None:
    with running(servers.Server(tmp_path)) as node:
        async with linked(node, topic) as link:
            sizes = range(2**16 - 800, 2**16 + 100, 20)
            confirmed = [size for size in sizes if await is_confirmed(link, topic, 1, size)]
            assert confirmed == list(sizes[: len(confirmed)])
            assert 0 < len(confirmed) < len(sizes)


async def test_a_stream_that_takes_less_than_its_server_refuses_for_good(
    node: servers.Server, topic: Topic
) -> None:
    async with linked(node, topic) as link, jetstream(node) as stream:
        config = (await stream.stream_info(topic.name.replace(".", "-"))).config
        await stream.update_stream(config, max_msg_size=1000)
        with pytest.raises(UnsendableError):
            await link.send(topic, evolve(message(1), body=b"b" * 2000))
        await link.send(topic, message(2))


async def test_a_connection_that_the_server_closed_for_good_is_made_anew(
    node: servers.Server, topic: Topic
) -> None:
    readings = Readings()
    async with linked(node, topic) as link:
        await link.send(topic, message(1))
        async with link.client.consume(topic, "main", readings):
            await readings.until(lambda: readings.numbers == [1])
            await cut(link)
            await link.send(topic, message(2))
            await link.ready()
            await readings.until(lambda: readings.numbers == [1, 2])


async def test_a_connection_that_the_server_closed_can_be_closed(node: servers.Server, topic: Topic) -> None:
    async with linked(node, topic) as link:
        await cut(link)
    await link.client.close()


async def cut(link: Link) -> None:
    """Do what makes the server end a connection, and the driver give it up."""
    driver = driver_of(link)
    await driver.publish("x", b"x" * MOST, headers={"x": "x"})
    async with asyncio.timeout(30):
        while not driver.is_closed:
            await asyncio.sleep(0.01)


# The driver does not close what it opened for an attempt that was refused.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_server_that_refused_us_for_a_while_is_used_again(tmp_path: Path, topic: Topic) -> None:
    def with_password(password: str) -> servers.Server:
        return servers.Server(tmp_path, "--user", "cambist", "--pass", password, port=port)

    port = free_port()
    url = f"nats://cambist:s3cret@127.0.0.1:{port}"
    readings = Readings()
    with ExitStack() as stack:
        first = stack.enter_context(running(with_password("s3cret")))
        link = Link(address_of(url), (topic,), create=True)
        async with link, link.client.consume(topic, "main", readings):
            first.kill()
            with running(with_password("another")) as other:
                async with asyncio.timeout(30):
                    while "authentication error" not in other.log:
                        await asyncio.sleep(0.05)
                with pytest.raises(SinkError):
                    await link.send(topic, message(1))
            stack.enter_context(running(with_password("s3cret")))
            await until_sent(link, topic, 2)
            await readings.until(lambda: 2 in readings.numbers)
    gc.collect()


async def until_sent(link: Link, topic: Topic, number: int) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await link.send(topic, message(number))
            except SinkError:
                await asyncio.sleep(0.1)
            else:
                return


async def test_a_user_over_tls(tmp_path: Path, topic: Topic) -> None:
    certificate, key = map(str, write_certificate(tmp_path))
    options = ("--tls", "--tlscert", certificate, "--tlskey", key, "--user", "cambist", "--pass", "p@ss")
    with running(servers.Server(tmp_path, *options)) as node:
        url = f"nats+tls://cambist:p%40ss@127.0.0.1:{node.port}"
        readings = Readings()
        address = address_of(url, {"tls": {"ca_file": certificate}})
        async with Link(address, (topic,), create=True) as link:
            await link.send(topic, message(1))
            async with link.client.consume(topic, "main", readings):
                await readings.until(lambda: readings.numbers == [1])


async def test_a_handler_keeps_its_message_for_as_long_as_the_server_waits(
    node: servers.Server, topic: Topic
) -> None:
    """An operator made that shorter meanwhile."""
    topic = evolve(topic, redeliver_after_s=30, partitions=1)
    calls = 0

    async def long(_: Received) -> None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(3)

    readings = Readings(long)
    async with linked(node, topic) as link, linked(node, topic) as other, jetstream(node) as stream:
        name = topic.name.replace(".", "-")
        config = (await stream.consumer_info(name, "main-p0")).config
        await stream.add_consumer(name, config, ack_wait=1)
        await link.send(topic, message(1))
        async with (
            link.client.consume(topic, "main", readings),
            other.client.consume(topic, "main", readings),
        ):
            await readings.until(lambda: bool(readings.got))
    assert calls == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [("max_age_s", 3600), ("max_age_s", None), ("max_bytes", 2**20), ("redeliver_after_s", 3.5)],
)
async def test_other_settings_than_the_server_has_are_refused(
    node: servers.Server, topic: Topic, key: str, value: float | None
) -> None:
    topic = evolve(topic, max_age_s=7200, max_bytes=2**21)
    changes: dict[str, Any] = {key: value}
    async with linked(node, topic) as link:
        for see in (link.client.check, link.client.create):
            with pytest.raises(ConfigurationError, match=rf"has to be .* \({key}\): edit it on the server"):
                await see(evolve(topic, **changes))
            await see(topic)


@pytest.mark.parametrize("seconds", [1.001, 2.3, 3600])
async def test_a_time_is_the_same_in_nanoseconds(node: servers.Server, topic: Topic, seconds: float) -> None:
    async with linked(node, evolve(topic, redeliver_after_s=seconds)):
        pass


async def test_a_server_by_itself_has_one_replica(node: servers.Server, topic: Topic) -> None:
    async with linked(node, topic), jetstream(node) as stream:
        assert (await stream.stream_info(topic.name.replace(".", "-"))).config.num_replicas == 1


async def until_whole(node: servers.Server) -> None:
    """Wait until the servers have found each other and a leader: a stream of three replicas can be made."""
    connection = await nats.connect(node.url)
    stream = connection.jetstream(timeout=2)
    async with asyncio.timeout(60):
        while True:
            try:
                await stream.add_stream(name="probe", subjects=["probe"], num_replicas=3)
            except (APIError, NoRespondersError, TimeoutError):
                await asyncio.sleep(0.1)
            else:
                break
    await connection.close()


async def test_a_cluster_has_three_replicas_and_goes_on_without_one_of_them(
    tmp_path: Path, topic: Topic
) -> None:
    ports = [free_port() for _ in range(3)]
    routes = ",".join(f"nats://127.0.0.1:{port}" for port in ports)
    readings = Readings()
    with ExitStack() as stack:
        nodes = []
        for number, port in enumerate(ports):
            (tmp_path / str(number)).mkdir()
            names = ("--name", f"n{number}", "--cluster_name", "c", "--cluster", f"nats://127.0.0.1:{port}")
            node = servers.Server(tmp_path / str(number), *names, "--routes", routes)
            nodes.append(stack.enter_context(running(node)))
        await until_whole(nodes[0])
        url = "nats://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        async with Link(address_of(url, {"timeout_s": 10}), (topic,), create=True) as link:
            await asyncio.wait_for(link.connected(), 60)
            async with jetstream(nodes[0]) as js:
                assert (await js.stream_info(topic.name.replace(".", "-"))).config.num_replicas == 3
            await link.send(topic, message(1))
            nodes[2].kill()
            await until_sent(link, topic, 2)
            async with asyncio.timeout(90):
                while not {1, 2} <= set(readings.numbers):
                    # Reading begins once the others have elected whom they lost: a worker tries again.
                    with suppress(Exception):
                        async with link.client.consume(topic, "main", readings):
                            await readings.until(lambda: {1, 2} <= set(readings.numbers), 10)
