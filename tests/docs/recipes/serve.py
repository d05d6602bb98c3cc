"""Serves the file of a recipe on a free port, which it prints: serve.py KIND FILE SOURCES.

The recipe's own code runs, with sources that are given as JSON and a handler that prints each event as a line
of JSON, and fails where the merchant's reference asks for it. All is mounted under ``/mounted``, too.
"""

from __future__ import annotations

import importlib
import json
import socket
import socketserver
import sys
import wsgiref.simple_server
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from cambist import PaymentEvent, Pipeline, Receiver, Source, to_json


async def on_event(event: PaymentEvent) -> None:
    if event.payment.merchant_reference == "fail":
        raise RuntimeError("the database at 10.0.0.7 is gone")
    print(to_json(event).decode(), flush=True)


def recipe(file: Path, sources: list[dict[str, Any]]) -> ModuleType:
    """Load the recipe as its page says, by its name, and give it the sources and the handler of the tests."""
    sys.path.insert(0, str(file.parent))
    module = importlib.import_module(file.stem)
    module.receiver = Receiver(Pipeline(Source(**source) for source in sources), on_event)
    return module


def project(file: Path) -> None:
    """Set up a Django project as `startproject` does, as far as there is no database to it."""
    import django
    from django.conf import settings

    middleware = ["security.SecurityMiddleware", "common.CommonMiddleware", "csrf.CsrfViewMiddleware"]
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=file.stem,
        SECRET_KEY="of-no-use-here",
        MIDDLEWARE=[f"django.middleware.{name}" for name in middleware],
    )
    django.setup()


def asgi(app: Any) -> None:
    import uvicorn

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path", "").startswith("/mounted/"):
            scope = {**scope, "root_path": "/mounted"}
        await app(scope, receive, send)

    config = uvicorn.Config(mounted, log_level="warning", access_log=False, proxy_headers=False)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        uvicorn.Server(config).run(sockets=[listening])


def mounted(app: Any) -> Any:
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    return DispatcherMiddleware(app, {"/mounted": app})


def flask(app: Any) -> None:
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_: Any) -> None:
            """Write no access log."""

    server = make_server("127.0.0.1", 0, mounted(app), threaded=True, request_handler=Quiet)
    print(server.server_port, flush=True)
    server.serve_forever()


def wsgi(app: Any) -> None:
    class Threading(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
        daemon_threads = True

    class Quiet(wsgiref.simple_server.WSGIRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Write no access log."""

    server = wsgiref.simple_server.make_server("127.0.0.1", 0, mounted(app), Threading, Quiet)
    print(server.server_port, flush=True)
    server.serve_forever()


def main(kind: str, file: Path, sources: list[dict[str, Any]]) -> None:
    serve: Callable[[Any], None]
    if kind.startswith("django"):
        project(file)
    module = recipe(file, sources)
    if kind == "django-asgi":
        from django.core.asgi import get_asgi_application

        app, serve = get_asgi_application(), asgi
    elif kind == "django-wsgi":
        from django.core.wsgi import get_wsgi_application

        app, serve = get_wsgi_application(), wsgi
    else:
        app, serve = module.app, {"fastapi": asgi, "flask": flask}[kind]
    serve(app)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3]))
