"""What every broker's client keeps, against real servers."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest
from attrs import evolve

from cambist.errors import ConfigurationError, SinkError
from cambist_queue import Link, Received, Topic, address_of, partition_of
from cambist_queue._link import UnsendableError

from .conftest import Readings, Server, linked, message


async def test_a_message_arrives_as_it_was_sent(link: Link, topic: Topic) -> None:
    sent = message(1, id="evt_1", subject="Zahlung 100 % \u2013 é", traceparent="00-ab-cd-01")
    await link.send(topic, sent)
    readings = Readings()
    async with link.client.consume(topic, "main", readings):
        await readings.until(lambda: bool(readings.got))
    (got,) = readings.got
    assert got.body == sent.body
    assert got.content_type == "application/json"
    assert dict(got.headers) == dict(sent.headers)
    assert (got.topic, got.partition) == (topic.name, partition_of(sent.key, topic.partitions))


@pytest.mark.parametrize("body", [b"", b"\x00\xff\x80", b"not json", b"x" * 500_000], ids=len)
async def test_any_body_arrives(link: Link, topic: Topic, body: bytes) -> None:
    await link.send(topic, evolve(message(1), body=body))
    readings = Readings()
    async with link.client.consume(topic, "main", readings):
        await readings.until(lambda: bool(readings.got))
    assert readings.got[0].body == body


async def test_the_messages_of_a_key_keep_their_order_between_two_readers(
    server: Server, topic: Topic
) -> None:
    keys = [f"payment {number}" for number in range(12)]

    async def a_little(_: Received) -> None:
        await asyncio.sleep(0.001)

    readings = Readings(a_little)
    order = readings.got
    async with linked(server, topic) as link, linked(server, topic) as other:
        for number in range(120):
            await link.send(topic, message(number, keys[number % 12], subject=keys[number % 12]))
        async with (
            link.client.consume(topic, "main", readings),
            other.client.consume(topic, "main", readings),
        ):
            await readings.until(lambda: len(order) >= 60)
            for number in range(120, 240):
                await link.send(topic, message(number, keys[number % 12], subject=keys[number % 12]))
            await readings.until(lambda: len(order) >= 240)
    by_key = defaultdict(list)
    for received in order:
        by_key[received.headers["subject"]].append(int(received.body))
    assert len(by_key) == 12
    assert all(numbers == sorted(numbers) for numbers in by_key.values())
    assert sorted(readings.numbers) == list(range(240))


async def test_one_reader_at_a_time_has_a_partition(server: Server, topic: Topic) -> None:
    under_way, worst = defaultdict(int), 0

    async def hold(received: Received) -> None:
        nonlocal worst
        under_way[received.partition] += 1
        worst = max(worst, under_way[received.partition])
        await asyncio.sleep(0.005)
        under_way[received.partition] -= 1

    readings = Readings(hold)
    async with linked(server, topic) as link, linked(server, topic) as other:
        for number in range(60):
            await link.send(topic, message(number, f"{number % 8}"))
        async with (
            link.client.consume(topic, "main", readings),
            other.client.consume(topic, "main", readings),
        ):
            await readings.until(lambda: len(readings.got) >= 60)
    assert worst == 1


async def test_partitions_are_handled_at_the_same_time(link: Link, topic: Topic) -> None:
    by_partition = {partition_of(str(key), topic.partitions): str(key) for key in range(64)}
    held, other = by_partition[0], by_partition[1]
    release = asyncio.Event()

    async def hold(received: Received) -> None:
        if received.partition == 0:
            await release.wait()

    readings = Readings(hold)
    await link.send(topic, message(1, held))
    await link.send(topic, message(2, other))
    async with link.client.consume(topic, "main", readings):
        await readings.until(lambda: readings.numbers == [2])
        release.set()
        await readings.until(lambda: readings.numbers == [2, 1])


async def test_each_group_gets_every_message(server: Server, topic: Topic) -> None:
    topic = evolve(topic, groups=("main", "audit"))
    async with linked(server, topic) as link:
        for number in range(10):
            await link.send(topic, message(number, str(number)))
        main, audit = Readings(), Readings()
        async with link.client.consume(topic, "main", main), link.client.consume(topic, "audit", audit):
            await main.until(lambda: len(main.got) == 10)
            await audit.until(lambda: len(audit.got) == 10)
    assert sorted(main.numbers) == sorted(audit.numbers) == list(range(10))


async def test_what_was_not_acknowledged_is_delivered_again(link: Link, topic: Topic) -> None:
    await link.send(topic, message(1))
    await link.send(topic, message(2))
    started = asyncio.Event()

    async def never(_: Received) -> None:
        started.set()
        await asyncio.Event().wait()

    async with link.client.consume(topic, "main", never):
        await asyncio.wait_for(started.wait(), 30)
    readings = Readings()
    async with link.client.consume(topic, "main", readings):
        await readings.until(lambda: len(readings.got) == 2)
    assert readings.numbers == [1, 2]


async def test_what_was_acknowledged_is_not(link: Link, topic: Topic) -> None:
    for number in range(5):
        await link.send(topic, message(number))
    readings = Readings()
    async with link.client.consume(topic, "main", readings):
        await readings.until(lambda: len(readings.got) == 5)
    await link.send(topic, message(5))
    async with link.client.consume(topic, "main", readings):
        await readings.until(lambda: len(readings.got) == 6)
    assert readings.numbers == [0, 1, 2, 3, 4, 5]


async def test_a_handler_that_takes_long_keeps_its_message(server: Server, topic: Topic) -> None:
    topic = evolve(topic, redeliver_after_s=1)
    calls = 0

    async def long(_: Received) -> None:
        nonlocal calls
        calls += 1
        await asyncio.sleep(3)

    readings = Readings(long)
    async with linked(server, topic) as link, linked(server, topic) as other:
        await link.send(topic, message(1))
        async with (
            link.client.consume(topic, "main", readings),
            other.client.consume(topic, "main", readings),
        ):
            await readings.until(lambda: bool(readings.got))
    assert calls == 1


async def test_a_topic_is_made_twice_without_harm(server: Server, topic: Topic) -> None:
    async with linked(server, topic) as link:
        await link.send(topic, message(1))
        await link.client.create(topic)
        readings = Readings()
        async with link.client.consume(topic, "main", readings):
            await readings.until(lambda: readings.numbers == [1])


@pytest.mark.parametrize(
    "other",
    [
        lambda topic: evolve(topic, name=f"{topic.name}x"),
        lambda topic: evolve(topic, partitions=topic.partitions + 1),
        lambda topic: evolve(topic, groups=("main", "unknown")),
    ],
    ids=["missing", "of other partitions", "without a group"],
)
async def test_a_topic_that_is_not_as_it_should_be_is_refused(
    broker: str, server: Server, topic: Topic, other: object
) -> None:
    wanted: Topic = other(topic)  # type: ignore[operator]
    if broker == "kafka" and wanted.groups != topic.groups:
        pytest.skip("Kafka makes a group when its first reader comes")
    async with linked(server, topic) as link:
        with pytest.raises(ConfigurationError, match=r"cambist queue init|has to be"):
            await link.client.check(wanted)
        with pytest.raises(ConfigurationError):  # and looking for it did not make it
            await link.client.check(wanted)


@pytest.mark.parametrize("partitions", [3, 5])
async def test_a_topic_keeps_its_number_of_partitions(server: Server, topic: Topic, partitions: int) -> None:
    async with linked(server, topic) as link:
        with pytest.raises(ConfigurationError, match="has to be"):
            await link.client.create(evolve(topic, partitions=partitions))
        await link.client.check(topic)


async def test_nothing_is_sent_to_a_topic_that_is_not_there(server: Server, topic: Topic) -> None:
    async with linked(server, topic) as link:
        missing = evolve(topic, name=f"{topic.name}x")
        with pytest.raises(SinkError):
            await link.send(missing, message(1))
        with pytest.raises(ConfigurationError):
            await link.client.check(missing)


async def test_a_start_without_the_topic_is_refused_where_the_broker_answers(
    server: Server, topic: Topic
) -> None:
    with pytest.raises(ConfigurationError, match="cambist queue init"):
        async with Link(address_of(server.url), (topic,)):
            pass


async def test_an_error_shows_nothing_of_a_message(server: Server, topic: Topic) -> None:
    async with linked(server, topic) as link:
        with pytest.raises(SinkError) as refused:
            await link.send(
                evolve(topic, name=f"{topic.name}x"), message(4242424242, "the-key", subject="the-subject")
            )
    told = f"{refused.value} {refused.value.__context__!r} {refused.value.__cause__!r}"
    assert not any(value in told for value in ("4242424242", "the-key", "the-subject"))


async def test_a_broker_that_was_killed_is_found_again(own_server: Server, topic: Topic) -> None:
    sent: list[int] = []
    async with linked(own_server, topic) as link:
        readings = Readings()
        async with link.client.consume(topic, "main", readings):
            for number in range(20):
                await link.send(topic, message(number, str(number)))
                sent.append(number)
            own_server.kill()
            with pytest.raises(SinkError):
                async with asyncio.timeout(15):
                    await link.send(topic, message(1000))
            own_server.start()
            async with asyncio.timeout(90):
                while True:
                    try:
                        await link.send(topic, message(20))
                    except SinkError:
                        await asyncio.sleep(0.1)
                    else:
                        break
            await readings.until(lambda: {*sent, 20} <= set(readings.numbers), 90)


async def test_a_broker_that_is_away_at_the_start_is_waited_for(own_server: Server, topic: Topic) -> None:
    async with linked(own_server, topic):
        pass
    own_server.kill()
    async with Link(address_of(own_server.url, {"timeout_s": 2}), (topic,)) as link:
        with pytest.raises(SinkError, match="not reached"):
            await link.send(topic, message(1))
        with pytest.raises(SinkError):
            await link.ready()
        own_server.start()
        await asyncio.wait_for(link.connected(), 60)
        await link.ready()
        await link.send(topic, message(1))


@pytest.mark.parametrize(
    ("body", "header"), [(1, 200_000), (2_000_000, 1), (1_048_000, 500)], ids=["header", "body", "both"]
)
async def test_a_message_that_is_too_large_harms_no_other(
    link: Link, topic: Topic, body: int, header: int
) -> None:
    """It is confirmed and arrives, or it is refused for good. Those beside it and after it are confirmed."""
    large = evolve(message(0, subject="s" * header), body=b"0" * body)
    readings = Readings()
    sent = await asyncio.gather(
        *(link.send(topic, each) for each in (message(1), large, message(2))), return_exceptions=True
    )
    assert (sent[0], sent[2]) == (None, None)
    assert sent[1] is None or isinstance(sent[1], UnsendableError), sent[1]
    await link.send(topic, message(3))
    async with link.client.consume(topic, "main", readings):
        await readings.until(lambda: len(readings.got) == (4 if sent[1] is None else 3))
