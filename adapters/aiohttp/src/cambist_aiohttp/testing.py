"""For the tests of an application that receives webhooks: a client that sends what a provider would.

::

    async with TestClient(TestServer(app)) as client:
        answer = await WebhookClient(client).send("shop", sample="deposit")
        assert answer.status == 200
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from aiohttp import ClientResponse, hdrs, web
from aiohttp.test_utils import TestClient
from multidict import CIMultiDict

from cambist import Delivery, Receiver, Route, Sample
from cambist.verification import PathSecret, Scheme
from cambist_aiohttp._mounts import MOUNTS, RECEIVER

__all__ = ["WebhookClient"]


class WebhookClient:
    """Sends deliveries that are as genuine as the provider's, through aiohttp's own test client.

    Args:
        client: The test client of the application.
        app: The application that `setup` was called with, where it is a part of the client's.
        key: The receiver's key in it.

    Raises:
        LookupError: The application has no receiver under this key.
    """

    def __init__(
        self,
        client: TestClient[web.Request, web.Application],
        *,
        app: web.Application | None = None,
        key: web.AppKey[Receiver] = RECEIVER,
    ) -> None:
        self.client = client
        mount = (client.app if app is None else app).get(MOUNTS, {}).get(key)
        if mount is None:
            raise LookupError("the application has no receiver under this key: call setup(app, …, key=…)")
        self._mount = mount

    async def send(
        self,
        source: str,
        *,
        sample: str | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        signed: bool = True,
    ) -> ClientResponse:
        """Post a delivery and return the answer, which is read.

        Args:
            source: Which source it is for.
            sample: The name of one of the provider's samples. Without it and ``body``, it is the first.
            body: The raw body, where it is no sample.
            headers: Further headers; they take the place of those that would be sent.
            signed: Whether to make it genuine.

        Raises:
            LookupError: There is no such source or sample.
            TypeError: There is a sample and a body.
            ConfigurationError: Only the provider itself can sign this: it has a key that the source has not.
                Sign it with a key of your own, and pass the ``headers`` with ``signed=False``.
        """
        route = self._mount.pipeline.route(source)
        if route is None:
            known = ", ".join(route.source.name for route in self._mount.pipeline.routes)
            raise LookupError(f"there is no source {source!r}; there are: {known or 'none'}")
        found = _sample(route, sample, body)
        now, path = datetime.now(UTC), self._path(route)
        sent = CIMultiDict({hdrs.CONTENT_TYPE: route.provider.media_types[0]})
        sent.extend(found.headers)
        if signed and not isinstance(_own(route), PathSecret):
            delivery = Delivery(source, found.headers, found.body, now, path)
            sent.extend(route.provider.signature(route.settings, delivery))
        for name, value in (headers or {}).items():
            sent[name] = value
        answer = await self.client.post(path, data=found.body, headers=sent)
        await answer.read()
        return answer

    def _path(self, route: Route) -> str:
        name, scheme = route.source.name, _own(route)
        if isinstance(scheme, PathSecret):
            secret = scheme.secrets[0].reveal()
            return self._mount.by_secret.url_for(source=name, secret=secret).path
        return self._mount.by_name.url_for(source=name).path


def _own(route: Route) -> Scheme:
    """Return the provider's scheme, without what the source asks for beside it."""
    return route.provider.verification(route.settings)


def _sample(route: Route, name: str | None, body: bytes | None) -> Sample:
    if body is not None:
        if name is not None:
            raise TypeError("send takes a sample or a body, not both")
        return Sample("", body)
    for sample in route.provider.samples:
        if name in (None, sample.name):
            return sample
    known = ", ".join(sample.name for sample in route.provider.samples)
    raise LookupError(f"{route.provider.name} has no sample {name!r}; it has: {known or 'none'}")
