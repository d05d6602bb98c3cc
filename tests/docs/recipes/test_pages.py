"""Each page works as it is read: its file unchanged, put where it says, started by its command."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import shlex
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from cambist import Delivery, Pipeline, Source

from .conftest import HOW_TO, RECIPES, Service, code_of

BODY = b'{"id": 1, "type": "deposit", "status": "confirmed"}'
JSON, HEADER = ("Content-Type", "application/json"), "X-Processing-Signature"


# What stands in for the reader's models: one row for each event, and a fault after the row of some.
STORE = """
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO received VALUES (%s)", [event.payment.id])
    if event.payment.id == "13":
        raise RuntimeError
"""


def signature_of(body: bytes) -> str:
    return hmac.new(b"s3cret", body, hashlib.sha512).hexdigest()


def text_of(kind: str) -> str:
    return (HOW_TO / RECIPES[kind][0]).read_text()


def command_of(kind: str, port: int) -> list[str]:
    """Return the page's command for a port of our own, by this interpreter."""
    found = re.findall(
        r"(?:^|`)((?:uvicorn|flask|python manage.py) .*? 8080.*?)(?:$|`)", text_of(kind), re.MULTILINE
    )
    asgi = kind in {"fastapi", "django-asgi"}
    (command,) = (each for each in found if each.startswith("uvicorn") == asgi)
    words = shlex.split(command.replace("8080", str(port)))
    start = [sys.executable] if words[0] == "python" else [sys.executable, "-m"]
    # Without its reloader, which would start a second process.
    return [*start, *words[words[0] == "python" :], *(["--noreload"] if "manage.py" in words else [])]


def lay_out(kind: str, folder: Path, code: str) -> None:
    """Put the file where the page says; for Django, into a project that is made for it."""
    if kind.startswith("django"):
        subprocess.run([sys.executable, "-m", "django", "startproject", "project", folder], check=True)
        text = text_of(kind)
        (pattern,) = re.findall(r'`(path\("", .*?)` into `urlpatterns`', text)
        (line,) = re.findall(r"add `(import \w+)` after", text)
        urls = folder / "project/urls.py"
        urls.write_text(
            f"from django.urls import include\n{urls.read_text()}".replace("]", f"    {pattern},\n]")
        )
        for name in ("asgi.py", "wsgi.py"):
            with (folder / "project" / name).open("a") as module:
                module.write(f"{line}\n")
    (folder / "webhooks.py").write_text(code)


@contextmanager
def running(kind: str, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "error"}
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(command_of(kind, port), cwd=folder, env=environ, stdout=out, stderr=err)
        try:
            yield process, port
        finally:
            process.terminate()
            process.wait(timeout=10)


def listening(process: subprocess.Popen[bytes], service: Service) -> Service:
    for _ in range(400):
        assert process.poll() is None, service.said()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", service.port)) == 0:
                return service
        time.sleep(0.05)
    raise AssertionError("the command does not listen")


@pytest.mark.parametrize("kind", RECIPES)
def test_the_file_of_the_page_receives(kind: str, tmp_path: Path) -> None:
    lay_out(kind, tmp_path, code_of(kind))
    with running(kind, tmp_path) as (process, port):
        service = listening(process, Service(kind, port, tmp_path))
        for signature, status in ((signature_of(BODY), 200), ("0" * 128, 401)):
            assert service.send("/webhooks/shop", BODY, [JSON, (HEADER, signature)]).status == status
    shop = Source("shop", "coinspaid", {"secrets": ["s3cret"]})
    delivery = Delivery("shop", {HEADER: signature_of(BODY)}, BODY)
    (event,) = Pipeline([shop]).process(delivery).events
    said = (tmp_path / "out").read_text().splitlines()
    assert [line for line in said if "evt_" in line] == [f"{event.id} deposit completed"]


@pytest.mark.parametrize("kind", RECIPES)
def test_a_wrong_setting_stops_the_start(kind: str, tmp_path: Path) -> None:
    lay_out(kind, tmp_path, code_of(kind).replace('"s3cret"', '""'))
    with running(kind, tmp_path) as (process, _):
        assert process.wait(timeout=20) != 0
    assert "source 'shop'" in (tmp_path / "err").read_text()


@pytest.mark.parametrize("kind", ["django-asgi", "django-wsgi"])
def test_the_handler_of_the_page_stores_all_of_an_event_or_nothing(kind: str, tmp_path: Path) -> None:
    docstring = '    """Write what follows from the event, with your models."""\n'
    handler = code_of(kind, 2)
    assert docstring in handler
    lay_out(
        kind,
        tmp_path,
        code_of(kind).replace("sources =", handler.replace(docstring, STORE) + "\n\nsources ="),
    )
    with contextlib.closing(sqlite3.connect(tmp_path / "db.sqlite3", isolation_level=None)) as database:
        database.execute("CREATE TABLE received (payment)")
        with running(kind, tmp_path) as (process, port):
            service = listening(process, Service(kind, port, tmp_path))

            def status_of(number: int) -> int:
                body = BODY.replace(b"1", b"%d" % number, 1)
                return service.send("/webhooks/shop", body, [JSON, (HEADER, signature_of(body))]).status

            with ThreadPoolExecutor(4) as pool:
                statuses = dict(zip(range(1, 21), pool.map(status_of, range(1, 21)), strict=True))
        stored = {number for (number,) in database.execute("SELECT payment FROM received")}
    assert statuses == {number: 503 if number == 13 else 200 for number in range(1, 21)}
    assert stored == {str(number) for number in range(1, 21) if number != 13}
