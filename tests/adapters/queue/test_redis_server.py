"""How Redis and Valkey are set up: replicas, what is on disk, memory, credentials, TLS."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from attrs import evolve
from redis.asyncio import Redis

from cambist.errors import ConfigurationError, SinkError
from cambist_queue import Link, Received, Topic, address_of
from cambist_queue._redis import connection

from .conftest import Readings, linked, message
from .servers import redis as servers
from .servers.certificates import write_certificate
from .servers.process import free_port
from .servers.redis import asking, running


@pytest.fixture
def topic() -> Topic:
    return Topic(f"t{uuid4().hex[:12]}.events", 1, ("main",), redeliver_after_s=1)


async def test_a_message_is_on_a_replica_before_it_is_confirmed(topic: Topic, tmp_path: Path) -> None:
    at_once = ("--repl-diskless-sync-delay", "0", *servers.DURABLE)
    with running(tmp_path / "primary", None, *at_once) as primary:
        follow = ("--replicaof", f"127.0.0.1 {primary.port}", *servers.DURABLE)
        with running(tmp_path / "replica", None, *follow) as replica:
            async with asking(replica) as redis, asking(primary) as of_primary:
                async with asyncio.timeout(60):
                    while (await of_primary.info("replication")).get("slave0", {}).get("state") != "online":
                        await asyncio.sleep(0.05)
                async with Link(address_of(primary.url, {"timeout_s": 2}), (topic,), create=True) as link:
                    for number in range(20):
                        await link.send(topic, message(number))
                        assert await redis.xlen(f"{topic.name}.p0") == number + 1
                    again = message(20)
                    replica.pause()
                    for _ in range(2):  # the second time, it is known, and is not on the replica either
                        with pytest.raises(SinkError):
                            await link.send(topic, again)
                    replica.resume()
                    await link.send(topic, again)
                    assert await redis.xlen(f"{topic.name}.p0") == 21
            replica.stop()
            async with Link(address_of(primary.url), (topic,)) as link:
                await link.send(topic, message(21))


@pytest.mark.parametrize(
    ("options", "keys", "told"),
    [
        (("--appendonly", "no"), {"allow_loss": True}, "appendonly is off"),
        (("--appendonly", "yes", "--appendfsync", "everysec"), {}, "appendfsync is everysec"),
        (("--appendonly", "yes", "--rename-command", "CONFIG", ""), {}, "appendfsync is unknown"),
        (servers.DURABLE, {}, None),
    ],
    ids=["memory", "every second", "not told", "always"],
)
async def test_a_server_that_may_lose_what_it_confirmed_is_warned_of_once(
    topic: Topic,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    options: tuple[str, ...],
    keys: dict[str, bool],
    told: str | None,
) -> None:
    topics = (topic, evolve(topic, name=f"{topic.name}x"))
    with running(tmp_path, None, *options) as server:
        address = address_of(server.url, {"timeout_s": 10, **keys})
        async with Link(address, topics, create=True) as link:
            await link.send(topic, message(1))
    warnings = [record.getMessage() for record in caplog.records if record.name == "cambist.queue"]
    assert len(warnings) == (told is not None)
    assert told is None or told in warnings[0]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"), "noeviction"),
        (("--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"), "noeviction"),
        (("--cluster-enabled", "yes", "--cluster-port", str(free_port())), "cluster"),  # else: 10000 more
        (("--appendonly", "no"), "appendonly is off"),
    ],
    ids=["evicts all", "evicts leases", "cluster", "memory"],
)
async def test_a_server_that_cannot_keep_the_contract_is_refused(
    topic: Topic, tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    with running(tmp_path, None, *servers.DURABLE, *options) as server:
        for create in (True, False):
            with pytest.raises(ConfigurationError, match=told):
                async with Link(address_of(server.url), (topic,), create=create):
                    pass


async def test_a_full_server_refuses_what_it_cannot_keep(topic: Topic, tmp_path: Path) -> None:
    topic = evolve(topic, keep=False)
    with running(tmp_path, None, *servers.DURABLE, "--maxmemory", "8mb") as server:
        async with linked(server, topic) as link, asking(server) as redis:
            confirmed = 0
            for number in range(200):
                try:
                    await link.send(topic, evolve(message(number), body=b"%d" % number + b" " * 100_000))
                except SinkError:
                    break
                confirmed += 1
            assert await redis.xlen(f"{topic.name}.p0") == confirmed
            assert 0 < confirmed < 100
            readings = Readings()
            async with link.client.consume(topic, "main", readings):  # which makes room
                await readings.until(lambda: len(readings.got) == confirmed)
                await link.send(topic, message(1000))
                await readings.until(lambda: readings.numbers[-1] == 1000)


@pytest.mark.parametrize(
    ("url", "told"),
    [("redis://one,two", "one server"), ("redis://one/first", "number of a database")],
)
def test_an_address_that_is_not_one_of_redis_is_refused(url: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        connection(address_of(url))


@pytest.mark.parametrize("user", ["", "cambist"], ids=["a password alone", "a user"])
async def test_credentials_and_the_database_are_those_of_the_address(
    topic: Topic, tmp_path: Path, user: str
) -> None:
    needs = ("--user", "cambist", "on", ">the-password", "~*", "+@all", "--requirepass", "the-password")
    with running(tmp_path, None, *servers.DURABLE, *needs) as server:
        address = address_of(
            f"redis://{user}@127.0.0.1:{server.port}/3", {"password": "the-password", "timeout_s": 10}
        )
        async with Link(address, (topic,), create=True) as link:
            await link.send(topic, message(1))
        client = Redis(port=server.port, db=3, password="the-password")
        assert await client.xlen(f"{topic.name}.p0") == 1
        await client.aclose()
        wrong = address_of(f"redis://127.0.0.1:{server.port}", {"password": "another"})
        async with Link(wrong, (topic,)) as link:
            with pytest.raises(SinkError, match="not reached"):
                await link.send(topic, message(1))


async def test_tls_proves_the_server(topic: Topic, tmp_path: Path) -> None:
    certificate, key = map(str, write_certificate(tmp_path))
    port = free_port()
    if servers.redis() is None:
        pytest.skip("Valkey's wheel has no TLS, and there is no redis-server")
    tls = ("--tls-port", str(port), "--tls-cert-file", certificate, "--tls-key-file", key)
    with running(
        tmp_path,
        servers.redis(),
        *servers.DURABLE,
        *tls,
        "--tls-ca-cert-file",
        certificate,
        "--tls-auth-clients",
        "no",
    ):
        url = f"rediss://127.0.0.1:{port}"
        async with Link(address_of(url, {"tls": {"ca_file": certificate}}), (topic,), create=True) as link:
            await link.send(topic, message(1))
        async with Link(address_of(url), (topic,)) as link:
            with pytest.raises(SinkError, match="not reached"):
                await link.send(topic, message(1))


async def test_a_reader_that_cannot_renew_its_lease_stops_in_time(topic: Topic, tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with linked(server, topic) as link, asking(server) as redis:
            await link.send(topic, message(1))
            started, ended = asyncio.Event(), asyncio.Event()

            async def long(_: Received) -> None:
                started.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    ended.set()

            async with link.client.consume(topic, "main", long):
                await asyncio.wait_for(started.wait(), 30)
                server.pause()
                await asyncio.wait_for(ended.wait(), 30)
                server.resume()
            assert (await redis.xpending(f"{topic.name}.p0", "main"))["pending"] == 1


async def test_nothing_hangs_when_the_server_stands_still(topic: Topic, tmp_path: Path) -> None:
    with running(tmp_path) as server:
        async with Link(address_of(server.url, {"timeout_s": 0.5}), (topic,), create=True) as link:
            async with asyncio.timeout(30):
                async with link.client.consume(topic, "main", Readings()):
                    server.pause()
                    with pytest.raises(SinkError):
                        await link.send(topic, message(1))
                    with pytest.raises(SinkError):
                        await link.ready()
                await link.client.close()
        server.resume()
