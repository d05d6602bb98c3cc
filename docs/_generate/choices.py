"""Which schemes a provider's settings can make, found by trying the settings out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import combinations, product
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs
from attrs import frozen

from cambist import Delivery, Pipeline, Provider, Registry, Route, Secrets, Source
from cambist.errors import ConfigurationError

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
# A value of a setting that the page's example does not give: an address is a fine text, too.
TEXT = "203.0.113.7"
_toml = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_of_source = {field.name for field in attrs.fields(Source)}


@frozen
class Choice:
    """One way to verify: what the settings say that asks for it, and the source made ready."""

    text: str
    route: Route

    @property
    def signs(self) -> bool:
        """Whether the headers of a genuine delivery can be made."""
        sample = self.route.provider.samples[0]
        delivery = Delivery("tried", sample.headers, sample.body, NOW, "/webhooks/tried")
        try:
            return bool(self.route.provider.signature(self.route.settings, delivery))
        except ConfigurationError:
            return False


def choices(provider: Provider, registry: Registry, page: str) -> Iterator[Choice]:
    """Return the ways to verify that the settings leave, beginning with the least that is accepted.

    The settings of the example on the provider's page are the beginning. For each value of the settings that
    have a list of values, the fewest others are looked for that are accepted; then each setting that can be
    left out is given. What makes another scheme is a choice of its own.

    Raises:
        LookupError: The page has no example, or some value of a setting cannot be had.
    """
    example = _example(provider.name, page)
    hints = get_type_hints(provider.settings)
    fields = attrs.fields(provider.settings)
    required = [field.name for field in fields if field.default is attrs.NOTHING]
    values = {name: words for name in required if (words := _words(hints[name]))}
    optional = {
        field.name: value
        for field in fields
        if field.name not in required and (value := example.get(field.name, _value(hints[field.name])))
    }

    def route(settings: Mapping[str, Any]) -> Route | None:
        try:
            return Pipeline([Source("tried", provider.name, settings)], registry=registry).routes[0]
        except ConfigurationError:
            return None

    for chosen in product(*values.values()):
        base = {name: example[name] for name in required} | dict(zip(values, chosen, strict=True))
        least = _least(route, base, optional)
        given = least.source.settings
        text = ", ".join(f'`{name} = "{given[name]}"`' if name in values else f"`{name}`" for name in given)
        yield Choice(text, least)
        seen = {_told(least)}
        for name in optional:
            more = route({**given, name: optional[name]})
            if more and _told(more) not in seen:
                seen.add(_told(more))
                yield Choice(f"{text}, `{name}`", more)


def _example(name: str, page: str) -> Mapping[str, Any]:
    for block in _toml.findall(page):
        for source in tomllib.loads(block).get("sources", ()):
            if source["provider"] == name:
                return {key: _resolved(value) for key, value in source.items() if key not in _of_source}
    raise LookupError(f"no example on its page configures {name}")


def _resolved(value: Any) -> Any:
    """Return a setting with something in place of each secret that the example refers to."""
    if isinstance(value, list):
        return [_resolved(item) for item in value]
    return "s3cret" if isinstance(value, dict) and {"env", "file"} & value.keys() else value


def _words(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) is Literal else ()


def _value(hint: Any) -> Any:
    """Return some value of a type that is text, several texts or secrets; nothing for others."""
    if hint == Secrets:
        return [TEXT]
    if str not in (hint, *get_args(hint)):
        return None
    return [TEXT] if get_origin(hint) is tuple else TEXT


def _least(
    route: Callable[[Mapping[str, Any]], Route | None], base: Mapping[str, Any], optional: Mapping[str, Any]
) -> Route:
    for count in range(len(optional) + 1):
        for names in combinations(optional, count):
            if found := route({**base, **{name: optional[name] for name in names}}):
                return found
    raise LookupError(f"no settings are accepted along with {dict(base)}")


def _told(route: Route) -> tuple[str, str]:
    return (route.scheme.name, route.scheme.replay)
