"""Receive payment webhooks over HTTP, in an aiohttp application or with a server of its own.

In an application that exists::

    setup(app, Receiver(pipeline, on_event))       # POST /webhooks/{source}

On its own::

    asyncio.run(serve(Receiver(pipeline, on_event), port=8080))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cambist_aiohttp._edge import Edge
from cambist_aiohttp._health import Health, admin_app
from cambist_aiohttp._limits import Limits
from cambist_aiohttp._listen import address_of, listen
from cambist_aiohttp._mounts import RECEIVER
from cambist_aiohttp._openapi import openapi
from cambist_aiohttp._outcomes import Outcome
from cambist_aiohttp._rates import Rate
from cambist_aiohttp._routes import DEFAULT_MAX_BODY, setup
from cambist_aiohttp._server import create_app, serve, serving
from cambist_aiohttp._telemetry import Together

if TYPE_CHECKING:
    from cambist_aiohttp._metrics import Metrics
    from cambist_aiohttp._tracing import Tracing

# Each needs an extra, and is imported when it is first asked for.
_HOMES = {"Metrics": ("_metrics", "metrics"), "Tracing": ("_tracing", "tracing")}

__all__ = [
    "DEFAULT_MAX_BODY",
    "RECEIVER",
    "Edge",
    "Health",
    "Limits",
    "Metrics",
    "Outcome",
    "Rate",
    "Together",
    "Tracing",
    "address_of",
    "admin_app",
    "create_app",
    "listen",
    "openapi",
    "serve",
    "serving",
    "setup",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cambist_aiohttp' has no attribute {name!r}")
    module, extra = _HOMES[name]
    try:
        return getattr(import_module(f"cambist_aiohttp.{module}"), name)
    except ModuleNotFoundError as error:
        missing = error.name
    raise ImportError(f"{name} needs {missing}: install the extra, cambist-aiohttp[{extra}]")
