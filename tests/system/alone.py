"""Does a distribution work with nothing beside it but what it depends on? Run by `nox -s wheels`."""

from __future__ import annotations

import hashlib
import hmac
import sys
from importlib.metadata import distributions
from importlib.util import find_spec

# What else of ours comes along with a distribution, and the providers that it brings.
NEEDS = {
    "cambist": set(),
    "cambist-alchemypay": {"cambist"},
    "cambist-anyspend": {"cambist"},
    "cambist-coinspaid": {"cambist"},
    "cambist-stellar": {"cambist"},
    "cambist-aiohttp": {"cambist"},
    "cambist-cli": {"cambist", "cambist-aiohttp"},
}
BRINGS = {
    "cambist-alchemypay": ["alchemypay-card"],
    "cambist-anyspend": ["anyspend", "anyspend-order"],
    "cambist-coinspaid": ["coinspaid"],
    "cambist-stellar": ["stellar-anchor", "stellar-wallet"],
}


def main(distribution: str) -> None:
    """Check what is installed, then use it."""
    installed = {found.name for found in distributions() if found.name.startswith("cambist")}
    assert installed == {distribution} | NEEDS[distribution], installed
    assert (find_spec("aiohttp") is not None) == (distribution in {"cambist-aiohttp", "cambist-cli"})
    import cambist

    registry = cambist.Registry.load()
    assert list(registry.providers) == BRINGS.get(distribution, [])
    if distribution == "cambist-coinspaid":
        direct_call()
    print(f"{distribution} works with {', '.join(sorted(NEEDS[distribution])) or 'nothing else of ours'}")


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
