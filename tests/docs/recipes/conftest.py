"""Each recipe's page, its code in a process of its own, and a client that sends what others would repair."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

HERE = Path(__file__).parent
HOW_TO = HERE.parents[2] / "docs/how-to"
# Each recipe: its page, and which of the page's files it is.
RECIPES = {
    "fastapi": ("receive-in-fastapi.md", 0),
    "django-asgi": ("receive-in-django.md", 0),
    "django-wsgi": ("receive-in-django.md", 1),
    "flask": ("receive-in-flask.md", 0),
}
ASGI = {"fastapi", "django-asgi"}

SECRET, KEY = "s3cret-of-the-shop", "schlüssel-k3y"
SOURCES: list[dict[str, Any]] = [
    {"name": "shop", "provider": "coinspaid", "settings": {"secrets": [SECRET]}},
    {
        "name": "anchor",
        "provider": "stellar-anchor",
        "settings": {"auth": "api_key", "secrets": [KEY]},
    },
    {"name": "links", "provider": "anyspend", "settings": {"secrets": [SECRET]}},
    {"name": "orders", "provider": "anyspend-order", "settings": {"api_keys": [SECRET]}},
    {"name": "cards", "provider": "alchemypay-card", "settings": {"auth": "path", "secrets": [SECRET]}},
    {"name": "signed", "provider": "alchemypay-card", "settings": {"auth": "signed", "secrets": [SECRET]}},
    {
        "name": "listed",
        "provider": "alchemypay-card",
        "settings": {"auth": "ip", "networks": ["203.0.113.7"], "trusted_proxies": ["127.0.0.1"]},
    },
    {"name": "local", "provider": "alchemypay-card", "settings": {"auth": "ip", "networks": ["127.0.0.1"]}},
    {
        "name": "windowed",
        "provider": "coinspaid",
        "settings": {"secrets": [{"value": SECRET, "not_after": "2020-01-01T00:00:00Z"}]},
    },
]


def code_of(kind: str, number: int | None = None) -> str:
    """Return the file that a page shows for a recipe, or another block of its page."""
    page, own = RECIPES[kind]
    blocks = re.findall(r"^```python\n(.*?)^```$", (HOW_TO / page).read_text(), re.MULTILINE | re.DOTALL)
    return blocks[own if number is None else number]


class Answer(NamedTuple):
    status: int
    media_type: str | None
    body: bytes
    headers: http.client.HTTPMessage


class Service(NamedTuple):
    kind: str
    port: int
    folder: Path

    def send(
        self,
        path: str,
        body: bytes,
        headers: list[tuple[str, str | bytes]],
        *,
        method: str = "POST",
        chunked: bool = False,
        length: int | None = None,
    ) -> Answer:
        """Send a request as raw bytes, in one go, and return the answer. Its length may be a lie."""
        if chunked:
            pieces = (body[at : at + 1000] for at in range(0, len(body), 1000))
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
            framing = ("Transfer-Encoding", "chunked")
        else:
            framing = ("Content-Length", str(len(body) if length is None else length))
        lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: 127.0.0.1", b"Connection: close"]
        for name, value in (*headers, framing):
            lines.append(name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()))
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
            with http.client.HTTPResponse(connection, method=method) as found:
                found.begin()
                return Answer(found.status, found.headers["Content-Type"], found.read(), found.headers)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "out").read_text().splitlines()[1:]]

    def said(self) -> str:
        return (self.folder / "err").read_text()


@pytest.fixture(scope="module", params=RECIPES)
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "webhooks.py").write_text(code_of(request.param))
    arguments = [request.param, str(folder / "webhooks.py"), json.dumps(SOURCES)]
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", str(HERE / "serve.py"), *arguments], stdout=out, stderr=err
        )
        try:
            yield Service(request.param, first_line(process, folder), folder)
        finally:
            process.terminate()
            process.wait(timeout=10)
    assert "Warning" not in (folder / "err").read_text()


def first_line(process: subprocess.Popen[bytes], folder: Path) -> int:
    """Wait for the port that the process prints once it listens."""
    for _ in range(400):
        if "\n" in (text := (folder / "out").read_text()):
            return int(text.partition("\n")[0])
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"the recipe has ended:\n{(folder / 'err').read_text()}")
    raise AssertionError("the recipe does not listen")
