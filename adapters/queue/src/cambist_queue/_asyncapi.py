"""What is on the queues, as an AsyncAPI 3 document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from itertools import chain, count
from typing import Any, Final
from urllib.parse import quote

from cambist import Kind, Status, event_schema
from cambist_queue import _dead, _raw
from cambist_queue._address import Address
from cambist_queue._cloudevents import JSON, STRUCTURED
from cambist_queue._options import DeliveryOptions, EventOptions
from cambist_queue._table import Options, QueueTable
from cambist_queue._topic import Topic

# The broker → the protocol's name in AsyncAPI, in clear and with TLS, and what a partition is called there.
_PROTOCOLS: Final = {
    "nats": ("nats", "nats", "{topic}.p{{partition}}"),
    "rabbit": ("amqp", "amqps", "{topic}.{{group}}.p{{partition}}"),
    "redis": ("redis", "rediss", "{topic}.p{{partition}}"),
    "kafka": ("kafka", "kafka-secure", "{topic}"),
}
_TEXT: Final = {"type": "string"}
_TIME: Final = {"type": "string", "format": "date-time"}


def asyncapi(tables: Iterable[QueueTable]) -> dict[str, Any]:
    """Return the topics of a configuration as AsyncAPI 3: servers, channels, operations and messages.

    It shows hosts and ports, and no credentials.

    Raises:
        ConfigurationError: A key is unknown or malformed.
    """
    document: dict[str, Any] = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Cambist",
            "version": version("cambist-queue"),
            "description": "Payment events, and the deliveries they are made of.",
        },
        "servers": {},
        "channels": {},
        "operations": {},
        "components": {"messages": _messages(), "schemas": _schemas()},
    }
    read = [table.read() for table in tables]
    alike = Counter((address.broker, topic.name) for options, address in read for topic in options.needed)
    for options, address in read:
        servers = list(_servers(document, address))
        directions = (_direction(options), ("send", "DeadLetter"))
        for topic, (action, message) in zip(options.needed, directions, strict=True):
            of = servers[0] if alike[address.broker, topic.name] > 1 else address.broker
            _channel(document, address, f"{of}-{_word(topic.name)}", servers, topic, action, message)
    return document


def _direction(options: Options) -> tuple[str, str]:
    """Return what is done with a table's topic, and which messages are there."""
    if isinstance(options, EventOptions):
        return "send", f"PaymentEvent_{options.mode}"
    return "receive", "Delivery" if isinstance(options, DeliveryOptions) else "Record"


def _word(text: str) -> str:
    """Return a text of which a name can be made."""
    return "".join(c if c.isascii() and (c.isalnum() or c == "_") else "-" for c in text).strip("-")


def _put(found: dict[str, Any], name: str, value: Any) -> str:
    """Put a value where there is none but itself: under its name, or that name and a number."""
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    return next(each for each in names if found.setdefault(each, value) == value)


def _servers(document: dict[str, Any], address: Address) -> Iterator[str]:
    clear, tls, _ = _PROTOCOLS[address.broker]
    path = {"pathname": f"/{quote(address.path, safe='')}"} if address.path else {}
    for host in address.servers:
        protocol = tls if address.tls else clear
        name = "-".join(filter(None, (protocol, _word(host), _word(address.path))))
        yield _put(document["servers"], name, {"host": host, **path, "protocol": protocol})


def _channel(
    document: dict[str, Any],
    address: Address,
    name: str,
    servers: list[str],
    topic: Topic,
    action: str,
    message: str,
) -> None:
    where = _PROTOCOLS[address.broker][2].format(topic=topic.name)
    parameters: dict[str, Any] = {}
    if "{partition}" in where and topic.partitions:
        parameters["partition"] = {
            "description": "CRC-32 of the message's key, modulo the number of partitions.",
            "enum": [str(partition) for partition in range(topic.partitions)],
        }
    if "{group}" in where:
        parameters["group"] = {"description": "Who reads.", "enum": list(topic.groups)}
    channel = {
        "address": where,
        "servers": [{"$ref": f"#/servers/{server}"} for server in servers],
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        **({"parameters": parameters} if parameters else {}),
    }
    name = _put(document["channels"], name, channel)
    document["operations"][f"{action}-{name}"] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{message}"}],
    }


def _messages() -> dict[str, Any]:
    def message(title: str, content_type: str, payload: str, **more: Any) -> dict[str, Any]:
        schema = {"$ref": f"#/components/schemas/{payload}"}
        return {"name": title, "title": title, "contentType": content_type, "payload": schema, **more}

    attributes = {"headers": {"$ref": "#/components/schemas/Attributes"}}
    return {
        "PaymentEvent_binary": message("Payment event", JSON, "PaymentEvent", **attributes),
        "PaymentEvent_structured": message("Payment event as one document", STRUCTURED, "CloudEvent"),
        "Delivery": message("Raw delivery", _raw.CONTENT_TYPE, "Delivery"),
        "Record": message("A provider's own record", JSON, "Record"),
        "DeadLetter": message("What could not be read", _dead.CONTENT_TYPE, "DeadLetter"),
    }


def _object(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


def _schemas() -> dict[str, Any]:
    types = sorted(f"cambist.{kind.value}.{status.value}" for kind in Kind for status in Status)
    attributes = _object(
        ("specversion", "id", "source", "type", "partitionkey"),
        specversion={"const": "1.0"},
        id={"type": "string", "pattern": "^evt_[0-9a-f]{32}$"},
        source={"type": "string", "description": "/cambist/PROVIDER/SOURCE"},
        type={"enum": types},
        subject={"type": "string", "description": "The payment's id."},
        time=_TIME,
        partitionkey={"type": "string", "description": "What keeps its order: the payment."},
        traceparent=_TEXT,
        tracestate=_TEXT,
    )
    event = {name: part for name, part in event_schema().items() if name not in ("$id", "$schema")}
    properties = attributes["properties"]
    texts = {"type": "array", "items": {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2}}
    return {
        "PaymentEvent": _within(event, "PaymentEvent"),
        "Attributes": attributes,
        "CloudEvent": _object(
            (*attributes["required"], "datacontenttype", "data"),
            **properties,
            datacontenttype={"const": JSON},
            data={"$ref": "#/components/schemas/PaymentEvent"},
        ),
        "Delivery": _object(
            ("schema", "source", "received_at", "headers", "body"),
            schema={"const": _raw.SCHEMA},
            source=_TEXT,
            received_at=_TIME,
            headers={**texts, "description": "Pairs of name and value; a name may be there more than once."},
            body={"type": "string", "contentEncoding": "base64"},
            path={"type": ["string", "null"]},
            remote={"type": ["string", "null"]},
        ),
        "Record": {"description": "As the provider documents it."},
        "DeadLetter": _object(
            ("schema", "error", "reason"),
            schema={"const": _dead.SCHEMA},
            error=_TEXT,
            reason=_TEXT,
            faults={"type": "array", "items": _object(("path", "problem"), path=_TEXT, problem=_TEXT)},
            delivery={"type": "object"},
            message={"type": "object"},
        ),
    }


def _within(schema: Any, name: str) -> Any:
    """Return a schema whose references to its own definitions lead to where it stands in the document."""
    if isinstance(schema, list):
        return [_within(each, name) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value.replace("#/$defs/", f"#/components/schemas/{name}/$defs/")
        if key == "$ref" and isinstance(value, str)
        else _within(value, name)
        for key, value in schema.items()
    }
