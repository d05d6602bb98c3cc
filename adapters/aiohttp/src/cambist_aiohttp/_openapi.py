"""The routes of a receiver as an OpenAPI document."""

from __future__ import annotations

import json
from contextlib import suppress
from importlib.metadata import version
from typing import Any, Final

from cambist import Acknowledgement, Delivery, Pipeline, Route, decode_json, problem
from cambist.errors import DeliveryError
from cambist_aiohttp._mounts import has_path_secret
from cambist_aiohttp._openapi_security import Needed, alternatives

_REFUSALS: Final = (400, 401, 408, 413, 415, 429, 500, 503)
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "errors": {
            "type": "array",
            "description": "What is wrong with the body of a genuine delivery, and where.",
            "items": {
                "type": "object",
                "required": ["path", "problem"],
                "properties": {"path": {"type": "string"}, "problem": {"type": "string"}},
            },
        },
    },
}
# The answers to what brings no delivery. See `cambist_aiohttp._probes`.
_PROBES = {
    "get": ("Tells that the source is there.", "200", "Empty"),
    "head": ("Tells that the source is there.", "200", "Empty"),
    "options": ("Tells which methods there are.", "204", "Empty; `Allow` names them"),
}


def openapi(pipeline: Pipeline, *, prefix: str = "/webhooks") -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the routes that `setup` adds for these sources.

    It says what is the same for all providers. The form of a body is the provider's, whose own document each
    operation names; here it can be anything. No setting's value is in it.

    Args:
        pipeline: The sources.
        prefix: Where they are.
    """
    paths: dict[str, Any] = {}
    schemes: dict[str, Any] = {}
    for route in pipeline.routes:
        needed = alternatives(route.scheme)
        schemes.update({name: scheme for each in needed for name, scheme in each.items()})
        name = route.source.name
        secret = "/{secret}" if has_path_secret(route.scheme) else ""
        paths[f"{prefix}/{name}{secret}"] = _item(pipeline, route, name, needed, secret=bool(secret))
        if route.source.path is not None:
            paths[route.source.path] = _item(pipeline, route, f"{name}:claimed", needed)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Cambist",
            "summary": "Receives payment webhooks.",
            "version": version("cambist-aiohttp"),
        },
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM},
            "responses": {str(status): _refusal(status) for status in _REFUSALS},
            "securitySchemes": schemes,
        },
    }


def _item(
    pipeline: Pipeline, route: Route, identifier: str, needed: list[Needed], *, secret: bool = False
) -> dict[str, Any]:
    """Return the operations of one URL."""
    provider = route.provider
    tags = [route.source.name]
    item: dict[str, Any] = {
        method: {
            "operationId": f"{method}-{identifier}",
            "summary": summary,
            "tags": tags,
            "responses": {status: {"description": description}},
        }
        for method, (summary, status, description) in _PROBES.items()
    }
    item["post"] = {
        "operationId": f"post-{identifier}",
        "summary": f"Takes a delivery of {provider.title}.",
        "tags": tags,
        "externalDocs": {"url": provider.documentation},
        "security": [{name: [] for name in each} for each in needed],
        "requestBody": _body(pipeline, route),
        "responses": {
            **_acknowledgements(pipeline, route),
            **{str(status): {"$ref": f"#/components/responses/{status}"} for status in _REFUSALS},
        },
    }
    if secret:
        schema = {"type": "string", "minLength": 1}
        item["parameters"] = [{"name": "secret", "in": "path", "required": True, "schema": schema}]
    return item


def _body(pipeline: Pipeline, route: Route) -> dict[str, Any]:
    """Return what a body can be: anything, such as the provider's samples without their card numbers."""
    media: dict[str, Any] = {"schema": {}}
    for sample in route.provider.samples:
        found = _plain(pipeline.redacted(Delivery(route.source.name, (), sample.body)).body)
        if found is not None:
            media.setdefault("examples", {})[sample.name] = {"value": found}
    return {
        "description": "In the provider's form. A signature covers the bytes as they are sent.",
        "content": dict.fromkeys(route.provider.media_types, media),
    }


def _acknowledgements(pipeline: Pipeline, route: Route) -> dict[str, Any]:
    """Return what the provider's samples are answered; an empty 200 where there is none."""
    found: dict[str, Any] = {}
    for answer in _answers(pipeline, route) or [Acknowledgement()]:
        told = found.setdefault(str(answer.status), {"description": "The events are stored."})
        example = None if answer.content_type is None else _plain(answer.body)
        if answer.content_type is not None:
            told.setdefault("content", {})[answer.content_type] = {"schema": {}}
        if isinstance(example, dict):
            told["content"][answer.content_type] = {"schema": {"type": "object"}, "example": example}
    return found


def _answers(pipeline: Pipeline, route: Route) -> list[Acknowledgement]:
    answers = []
    for sample in route.provider.samples:
        with suppress(DeliveryError):  # a setting may tell such samples apart
            delivery = Delivery(route.source.name, sample.headers, sample.body)
            answers.append(pipeline.parse(delivery).acknowledgement)
    return answers


def _plain(body: bytes) -> Any:
    """Return a body as it can stand in the document: nothing if it is no JSON, or has a fraction in it."""
    try:
        value = decode_json(body)
        json.dumps(value)
    except (ValueError, TypeError):  # a fraction is a Decimal
        return None
    return value


def _refusal(status: int) -> dict[str, Any]:
    title = decode_json(problem(status).body)["title"]
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": title, "content": {"application/problem+json": {"schema": schema}}}
