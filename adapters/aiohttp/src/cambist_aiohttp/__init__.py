"""Receive payment webhooks over HTTP, in an aiohttp application or with a server of its own.

In an application that exists::

    setup(app, Receiver(pipeline, on_event))       # POST /webhooks/{source}

On its own::

    asyncio.run(serve(Receiver(pipeline, on_event), port=8080))
"""

from cambist_aiohttp._routes import DEFAULT_MAX_BODY, setup
from cambist_aiohttp._server import create_app, serve, serving

__all__ = ["DEFAULT_MAX_BODY", "create_app", "serve", "serving", "setup"]
