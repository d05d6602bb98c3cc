"""Do distributions work with nothing beside them but what they depend on? Run by `nox -s wheels`."""

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
    "cambist-pennywhistle": {"cambist"},
    "cambist-stellar": {"cambist"},
    "cambist-aiohttp": {"cambist"},
    "cambist-cli": {"cambist", "cambist-aiohttp"},
    "cambist-inbox": {"cambist"},
    "cambist-queue": {"cambist"},
}
BRINGS = {
    "cambist-alchemypay": ["alchemypay-card"],
    "cambist-anyspend": ["anyspend", "anyspend-order"],
    "cambist-coinspaid": ["coinspaid"],
    "cambist-pennywhistle": ["pennywhistle"],
    "cambist-stellar": ["stellar-anchor", "stellar-wallet"],
}
# What no distribution needs to run, unless it is one of these.
ONLY_WITH = {
    "aiohttp": {"cambist-aiohttp", "cambist-cli"},
    "click": {"cambist-cli"},
    "rich": {"cambist-cli"},
    "faststream": {"cambist-queue"},
    "jinja2": set(),
    "stamina": set(),
    "pytest": set(),
    "hypothesis": set(),
    "jsonschema": set(),
}


def main(*names: str) -> None:
    """Check what is installed, then use it."""
    along = set().union(*(NEEDS[name] for name in names)) - {*names}
    installed = {found.name for found in distributions() if found.name.startswith("cambist")}
    assert installed == {*names} | along, installed
    for module, users in ONLY_WITH.items():
        assert (find_spec(module) is not None) == bool(users & {*names}), module
    import cambist

    registry = cambist.Registry.load()
    brought = [provider for name in names for provider in BRINGS.get(name, [])]
    assert list(registry.providers) == brought
    if names == ("cambist-coinspaid",):
        direct_call()
    if "cambist-aiohttp" in names and brought:
        import served

        served.main(brought)
    print(f"{' and '.join(names)}: all well, with {', '.join(sorted(along)) or 'nothing'} of ours beside")


def direct_call() -> None:
    """Take a genuine delivery through `Pipeline.process`, without any adapter."""
    from cambist import Delivery, Pipeline, Source

    body = b'{"id":1,"type":"exchange","status":"confirmed","transactions":[],"fees":[],"error":""}'
    signature = hmac.new(b"s3cret", body, hashlib.sha512).hexdigest()
    pipeline = Pipeline([Source(name="shop", provider="coinspaid", settings={"secrets": ["s3cret"]})])
    delivery = Delivery(source="shop", headers={"X-Processing-Signature": signature}, body=body)
    assert pipeline.process(delivery).events[0].status == "completed"


if __name__ == "__main__":
    main(*sys.argv[1:])
