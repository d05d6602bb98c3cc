"""Cases are data: the exact request in ``NAME.http``, and what is expected of it in ``NAME.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import field, frozen

from cambist._codec import to_json
from cambist._delivery import Delivery
from cambist._pipeline import Pipeline
from cambist._registry import Registry
from cambist._source import Source
from cambist.errors import PayloadError, VerificationError


@frozen
class Case:
    """One delivery and what it must become.

    ``NAME.http`` is the request as it is sent: a request line, headers, an empty line, and the body up to the
    last byte of the file (an editor that adds a newline changes the body). ``NAME.json`` is an object with

    - ``about``: where the facts are from;
    - ``provider`` and ``settings``: those of the source;
    - ``source``: its name; the last part of the path unless given;
    - ``received_at``: when the request arrived, and ``remote``, if it matters: from which address;
    - ``events``: the expected events in full, as `to_json` writes them, or
    - ``error``: the expected error's class, and for a `PayloadError` its ``faults`` as pairs.

    ``"{release}"`` in ``plugin_version`` stands for the installed release.
    """

    name: str
    provider: str
    settings: Mapping[str, Any] = field(repr=False)
    delivery: Delivery
    expected: Mapping[str, Any] = field(repr=False)

    def outcome(self, registry: Registry) -> dict[str, Any]:
        """Return what the delivery becomes, in the form of the file: ``events``, or ``error``."""
        source = Source(self.delivery.source, self.provider, self.settings)
        try:
            processed = Pipeline([source], registry=registry).process(self.delivery)
        except PayloadError as error:
            return {"error": "PayloadError", "faults": [list(fault) for fault in error.faults]}
        except VerificationError:
            return {"error": "VerificationError"}
        release = registry.providers[self.provider].version
        return {
            "events": [_without_release(json.loads(to_json(event)), release) for event in processed.events]
        }


def load_cases(folder: Path) -> list[Case]:
    """Return the cases of a folder, in order of their names.

    Raises:
        ValueError: A file has no partner, or not the form that `Case` describes.
    """
    requests = {path.stem: path for path in folder.glob("*.http")}
    expectations = {path.stem: path for path in folder.glob("*.json")}
    if alone := requests.keys() ^ expectations.keys():
        raise ValueError(f"a case is a NAME.http and a NAME.json; alone are: {', '.join(sorted(alone))}")
    return [_case(name, requests[name], expectations[name]) for name in sorted(requests)]


def _case(name: str, request: Path, expectation: Path) -> Case:
    head, blank, body = request.read_bytes().partition(b"\n\n")
    lines = head.decode().splitlines()
    method, _, path = lines[0].partition(" ") if lines else ("", "", "")
    if method != "POST" or not path.startswith("/") or not blank:
        raise ValueError(f"{request.name} is not 'POST /path', headers, an empty line and a body")
    headers = [(key, value.strip()) for key, _, value in (line.partition(":") for line in lines[1:])]
    expected = json.loads(expectation.read_text())
    delivery = Delivery(
        source=expected.pop("source", path.rpartition("/")[2]),
        headers=headers,
        body=body,
        received_at=datetime.fromisoformat(expected.pop("received_at")),
        path=path,
        remote=expected.pop("remote", None),
    )
    expected.pop("about")
    return Case(name, expected.pop("provider"), expected.pop("settings"), delivery, expected)


def _without_release(event: dict[str, Any], release: str) -> dict[str, Any]:
    return {**event, "plugin_version": event["plugin_version"].replace(release, "{release}")}
