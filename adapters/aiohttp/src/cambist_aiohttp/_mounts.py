"""Where the receivers of an application are, and whether anything else is in their way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from aiohttp import web
from attrs import frozen

from cambist import Pipeline, Receiver
from cambist.errors import ConfigurationError
from cambist.verification import PathSecret

RECEIVER: Final = web.AppKey("RECEIVER", Receiver)
"""Where an application keeps its receiver: ``request.app[RECEIVER]``."""


@frozen
class Mount:
    """The routes of one receiver.

    Args:
        pipeline: Its sources.
        by_name: The URL of each source.
        by_secret: The URL of each source that has a secret in the path.
        claimed: A source's name → the URL that it claims beside.
    """

    pipeline: Pipeline
    by_name: web.AbstractResource
    by_secret: web.AbstractResource
    claimed: dict[str, web.AbstractResource]

    def urls(self) -> Iterator[tuple[str, web.AbstractResource, str]]:
        """Return each source with a route that leads to it, and the path of that route."""
        for route in self.pipeline.routes:
            name = route.source.name
            yield name, self.by_name, str(self.by_name.url_for(source=name))
            if has_path_secret(route.scheme):
                yield name, self.by_secret, str(self.by_secret.url_for(source=name, secret="-"))  # noqa: S106  # any
            if name in self.claimed:
                yield name, self.claimed[name], str(self.claimed[name].url_for())


MOUNTS: Final = web.AppKey("MOUNTS", dict[web.AppKey[Receiver], Mount])


def has_path_secret(scheme: object) -> bool:
    """Whether a scheme, or a part of it, looks for a secret in the path."""
    return isinstance(scheme, PathSecret) or any(map(has_path_secret, getattr(scheme, "schemes", ())))


async def check_clashes(app: web.Application) -> None:
    """Look whether each source's URL leads to its receiver. Called at start, when all routes are known.

    Raises:
        ConfigurationError: Another route of the application would take its deliveries.
    """
    for mount in app[MOUNTS].values():
        for source, ours, path in mount.urls():
            for other in app.router.resources():
                if other is not ours and _leads_to(other, path) and _depth(other) >= _depth(ours):
                    raise ConfigurationError(
                        f"path: {ours.canonical} clashes with another route of the application, "
                        f"{other.canonical}; give one of them another prefix or path",
                        source=source,
                    )


def _leads_to(resource: web.AbstractResource, path: str) -> bool:
    match resource.get_info():
        case {"path": plain}:
            return bool(plain == path)
        case {"pattern": pattern}:
            return pattern.fullmatch(path) is not None
        case {"prefix": prefix}:  # another application, or a folder of files
            return f"{path}/".startswith(f"{prefix}/")
    return False


def _depth(resource: web.AbstractResource) -> int:
    """Return how many segments are fixed. aiohttp takes the route with the most, then the first added."""
    fixed, variable, _ = resource.canonical.partition("{")
    return (fixed.rpartition("/")[0] if variable else fixed.rstrip("/")).count("/")
