"""Another program that uses the same Kafka, in the driver's own words."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from .servers.kafka import Server

driver = pytest.importorskip("confluent_kafka")
admin = pytest.importorskip("confluent_kafka.admin")


class Platform:
    """Makes topics, writes and reads.

    Args:
        server: Where.
    """

    def __init__(self, server: Server) -> None:
        self._settings = {"bootstrap.servers": f"127.0.0.1:{server.port}"}
        self._admin = admin.AdminClient(self._settings)

    def create(self, name: str, partitions: int) -> None:
        self._admin.create_topics([admin.NewTopic(name, partitions, 1)])[name].result()

    def topics(self) -> dict[str, int]:
        found = self._admin.list_topics(timeout=10).topics
        return {name: len(topic.partitions) for name, topic in found.items()}

    def send(self, name: str, value: bytes | None, key: bytes = b"", **more: Any) -> None:
        producer = driver.Producer(self._settings)
        producer.produce(name, value, key, **more)
        assert producer.flush(30) == 0

    def read(self, name: str, partition: int) -> Any:
        consumer = driver.Consumer({**self._settings, "group.id": uuid4().hex})
        consumer.assign([driver.TopicPartition(name, partition, 0)])
        try:
            record = consumer.poll(30)
            assert record is not None
            assert record.error() is None
            return record
        finally:
            consumer.close()
