"""Does a distribution work with nothing beside it but what it depends on? Run by `nox -s wheels`."""

from __future__ import annotations

import hashlib
import hmac
import sys
from importlib.metadata import distributions
from importlib.util import find_spec

OURS = {"cambist", "cambist-coinspaid", "cambist-aiohttp", "cambist-cli"}
NEEDS = {
    "cambist": {"cambist"},
    "cambist-coinspaid": {"cambist", "cambist-coinspaid"},
    "cambist-aiohttp": {"cambist", "cambist-aiohttp"},
    "cambist-cli": {"cambist", "cambist-aiohttp", "cambist-cli"},
}


def main(distribution: str) -> None:
    """Check what is installed, then use it."""
    installed = {found.name for found in distributions()} & OURS
    assert installed == NEEDS[distribution], installed
    assert (find_spec("aiohttp") is not None) == (distribution in {"cambist-aiohttp", "cambist-cli"})
    import cambist

    registry = cambist.Registry.load()
    if distribution == "cambist-coinspaid":
        direct_call()
    else:
        assert list(registry.providers) == []
        assert cambist.Pipeline([], registry=registry).routes == ()
    print(f"{distribution} works with {', '.join(sorted(installed))}")


def direct_call() -> None:
    """Take a genuine delivery through `Pipeline.process`, without any adapter."""
    from cambist import Delivery, Pipeline, Source

    body = b'{"id":1,"type":"exchange","status":"confirmed","transactions":[],"fees":[],"error":""}'
    signature = hmac.new(b"s3cret", body, hashlib.sha512).hexdigest()
    pipeline = Pipeline([Source(name="shop", provider="coinspaid", settings={"secrets": ["s3cret"]})])
    delivery = Delivery(source="shop", headers={"X-Processing-Signature": signature}, body=body)
    assert pipeline.process(delivery).events[0].status == "completed"


if __name__ == "__main__":
    main(sys.argv[1])
