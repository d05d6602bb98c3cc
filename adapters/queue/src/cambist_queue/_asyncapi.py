"""What is on the queues, as an AsyncAPI 3 document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Any, Final, TypeAlias

from attrs import frozen

from cambist import Kind, Status, event_schema
from cambist_queue import _dead, _raw
from cambist_queue._address import Address, address_of
from cambist_queue._cloudevents import JSON, STRUCTURED
from cambist_queue._options import DeliveryOptions, EventOptions, RecordOptions, split_options
from cambist_queue._topic import Topic, dead_letters

Options: TypeAlias = EventOptions | DeliveryOptions | RecordOptions

# The broker → the protocol's name in AsyncAPI, in clear and with TLS, and what a partition is called there.
_PROTOCOLS: Final = {
    "nats": ("nats", "nats", "{topic}.p{{partition}}"),
    "rabbit": ("amqp", "amqps", "{topic}.{{group}}.p{{partition}}"),
    "redis": ("redis", "rediss", "{topic}.p{{partition}}"),
    "kafka": ("kafka", "kafka-secure", "{topic}"),
}
_TEXT: Final = {"type": "string"}
_TIME: Final = {"type": "string", "format": "date-time"}


@frozen
class QueueTable:
    """A table of the configuration: a sink, the queue of deliveries, or a provider's own queue.

    Args:
        kind: Which of them.
        url: The broker.
        options: The further keys.
    """

    kind: type[Options]
    url: str
    options: Mapping[str, Any]


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
    for table in tables:
        options, rest = split_options(table.kind, table.options)
        address = address_of(table.url, rest)
        servers = list(_servers(document, address))
        if isinstance(options, EventOptions):
            _channel(document, address, servers, options.topic, "send", f"PaymentEvent_{options.mode}")
        elif isinstance(options, DeliveryOptions):
            _channel(document, address, servers, options.topic, "receive", "Delivery")
        else:
            _channel(document, address, servers, options.topic, "receive", "Record")
        _channel(document, address, servers, dead_letters(options.topic), "send", "DeadLetter")
    return document


def _servers(document: dict[str, Any], address: Address) -> Iterator[str]:
    clear, tls, _ = _PROTOCOLS[address.broker]
    for host in address.servers:
        protocol = tls if address.tls else clear
        name = f"{protocol}-{''.join(c if c.isalnum() else '-' for c in host).strip('-')}"
        document["servers"][name] = {"host": host, "protocol": protocol}
        yield name


def _channel(
    document: dict[str, Any], address: Address, servers: list[str], topic: Topic, action: str, message: str
) -> None:
    name = f"{address.broker}-{topic.name.replace('.', '-')}"
    where = _PROTOCOLS[address.broker][2].format(topic=topic.name)
    parameters: dict[str, Any] = {}
    if "{partition}" in where and topic.partitions:
        parameters["partition"] = {
            "description": "CRC-32 of the message's key, modulo the number of partitions.",
            "enum": [str(partition) for partition in range(topic.partitions)],
        }
    if "{group}" in where:
        parameters["group"] = {"description": "Who reads.", "enum": list(topic.groups)}
    document["channels"][name] = {
        "address": where,
        "servers": [{"$ref": f"#/servers/{server}"} for server in servers],
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        **({"parameters": parameters} if parameters else {}),
    }
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
