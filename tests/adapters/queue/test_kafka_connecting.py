"""Connecting to Kafka and leaving it: TLS, users, and what is refused."""

from __future__ import annotations

import asyncio
import logging
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest

from cambist.errors import ConfigurationError, SinkError
from cambist_queue import Address, Link, Topic, address_of

from .conftest import Readings, message
from .servers.certificates import write_certificate
from .servers.kafka import running
from .servers.process import free_port
from .servers.proxy import Proxy

admin = pytest.importorskip("confluent_kafka.admin")
_kafka = pytest.importorskip("cambist_queue._kafka")
_settings = pytest.importorskip("cambist_queue._kafka_settings")


class TlsProxy(Proxy):
    """Speaks TLS on a port of its own, and in clear with the server behind it."""

    def __init__(self, target: int, at: int, certificate: Path, key: Path) -> None:
        super().__init__(target)
        self._at = at
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._at, ssl=self._context)
        return self


async def test_tls_to_a_certificate_that_is_trusted(tmp_path: Path, topic: Topic) -> None:
    port = free_port()
    url = f"kafka+tls://127.0.0.1:{port}"
    readings = Readings()
    with running(tmp_path, advertised=port) as server:
        certificate, key = write_certificate(tmp_path)
        async with TlsProxy(server.port, port, certificate, key):
            address = address_of(url, {"tls": {"ca_file": str(certificate)}, "timeout_s": 10})
            async with Link(address, (topic,), create=True) as link:
                await asyncio.wait_for(link.connected(), 30)
                await link.send(topic, message(1))
                async with link.client.consume(topic, "main", readings):
                    await readings.until(lambda: readings.numbers == [1])
            async with Link(address_of(url, {"timeout_s": 2}), (topic,)) as link:
                with pytest.raises(SinkError, match="not reached"):
                    await link.ready()


async def test_a_server_that_asks_for_a_user_and_knows_none_is_not_connected(
    tmp_path: Path, topic: Topic, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with running(tmp_path, options=("--authentication",)) as server:
        url = server.url.replace("//", "//cambist:the-pa%24%24word@")
        async with Link(address_of(url, {"timeout_s": 2}), (topic,)) as link:
            with pytest.raises(SinkError, match="not reached"):
                await link.send(topic, message(1))
    assert "the-pa" not in caplog.text + "".join(capfd.readouterr())


async def test_leaving_and_closing_end_when_the_broker_is_gone(tmp_path: Path, topic: Topic) -> None:
    with running(tmp_path) as server:
        readings = Readings()
        address = address_of(server.url, {"timeout_s": 2})
        async with asyncio.timeout(60), Link(address, (topic,), create=True) as link:
            for number in range(5):
                await link.send(topic, message(number))
            async with link.client.consume(topic, "main", readings):
                await readings.until(lambda: len(readings.got) == 5)
                server.kill()
                with suppress(SinkError):
                    await link.send(topic, message(5))


def address(options: dict[str, Any] | None = None, scheme: str = "kafka") -> Address:
    return address_of(f"{scheme}://cambist:the-password@broker", options)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (address_of("kafka://broker"), {"security.protocol": "plaintext"}),
        (
            address_of("kafka+tls://broker", {"tls": {"check_hostname": False}}),
            {"security.protocol": "ssl", "ssl.endpoint.identification.algorithm": "none"},
        ),
        (address(), {"security.protocol": "sasl_plaintext", "sasl.mechanism": "SCRAM-SHA-512"}),
        (address({"mechanism": "SCRAM-SHA-256"}), {"sasl.mechanism": "SCRAM-SHA-256"}),
        (
            address({"mechanism": "PLAIN"}, "kafka+tls"),
            {
                "security.protocol": "sasl_ssl",
                "ssl.endpoint.identification.algorithm": "https",
                "sasl.mechanism": "PLAIN",
                "sasl.username": "cambist",
                "sasl.password": "the-password",
            },
        ),
    ],
)
def test_an_address_in_the_drivers_words(address: Address, expected: dict[str, str]) -> None:
    found = _settings.shared(address)
    assert found.items() >= expected.items()
    assert ("sasl.password" in found) == (address.user is not None)
    admin.AdminClient(found, logger=_settings.SILENT)  # it refuses a key or a value that it does not know


@pytest.mark.parametrize(
    ("url", "options", "told"),
    [
        ("kafka://u:p@broker", {"mechanism": "PLAIN"}, "mechanism: PLAIN shows the password"),
        ("kafka://broker", {"mechanism": "GSSAPI"}, "mechanism: is none of SCRAM-SHA-512"),
        ("nats://broker", {"mechanism": "PLAIN"}, "mechanism: is not known here"),
        ("kafka://u@broker", {}, "password: is missing"),
        ("kafka://broker/topic", {}, "url: has something after its servers"),
    ],
)
async def test_an_address_that_is_not_one_of_kafka_is_refused(
    url: str, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        _kafka.connection(address_of(url, options))
