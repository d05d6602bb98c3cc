"""Sources: configured accounts of a provider, their settings typed and their secrets masked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NoReturn

from attrs import field, frozen

from cambist._convert import faults, strict_converter
from cambist._leaves import Misfit
from cambist._secrets import Secret
from cambist.errors import ConfigurationError
from cambist.verification._proxies import as_networks

_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII).fullmatch
_path = re.compile(r"/[A-Za-z0-9._~/-]+", re.ASCII).fullmatch
_REFERENCE = {"env", "file"}
_SECRET_KEYS = {"value", "label", "not_before", "not_after"}


class _Unshown(Mapping[str, Any]):
    """Settings as they were given, secrets among them: no repr, pickle or `attrs.asdict` shows a value."""

    __slots__ = ("_settings",)

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = dict(settings)

    def __getitem__(self, key: str) -> Any:
        return self._settings[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)

    def __repr__(self) -> str:
        return f"<settings {', '.join(self._settings) or 'none'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("the settings of a source are not pickled: they hold secrets")


@frozen
class Source:
    """One configured account.

    Args:
        name: Up to 64 of ``A-Z a-z 0-9 . _ -``, beginning with a letter or digit; the last part of its URL.
        provider: The provider's name.
        settings: The provider's settings, references to secrets already resolved (`resolve_references`).
        path: A path of its own beside ``/webhooks/NAME``, for senders that prescribe one.
        quarantine: Whether a genuine delivery that cannot become events is stored and acknowledged instead of
            refused. It needs a sink that stores deliveries, and is for senders that never stop retrying.
        allow: Addresses and networks: only from them is a delivery taken, and only if it is proven genuine,
            too. From anywhere unless given. Behind proxies, the edge has to know them.

    Raises:
        ConfigurationError: The name, the path or a network is malformed.
    """

    name: str
    provider: str
    settings: Mapping[str, Any] = field(factory=dict, repr=False, converter=_Unshown)
    path: str | None = None
    quarantine: bool = False
    allow: tuple[str, ...] = field(default=(), converter=tuple)

    def __attrs_post_init__(self) -> None:
        if not _name(self.name):
            raise ConfigurationError(
                "a source's name is up to 64 letters, digits, '.', '_' and '-'", source=str(self.name)[:64]
            )
        if self.path is not None and not _path(self.path):
            raise ConfigurationError(
                "path: must be like /v1/callback, of letters, digits and . _ ~ - /", source=self.name
            )
        try:
            as_networks(self.allow)
        except ConfigurationError as error:
            problem = error.reason
        else:
            return
        raise ConfigurationError(f"allow: {problem}", source=self.name)


def structure_settings(cls: type, source: Source) -> Any:
    """Return a source's settings as the provider's class.

    Raises:
        ConfigurationError: Naming every key that is unknown, missing, of another type, or an empty secret.
    """
    try:
        return _converter.structure(dict(source.settings), cls)
    except Exception as error:  # noqa: BLE001  # cattrs' own errors show the values
        found = tuple(faults(error))
    raise ConfigurationError("; ".join(map(str, found)), source=source.name, provider=source.provider)


def resolve_references(
    settings: Mapping[str, Any], environ: Mapping[str, str], read_file: Callable[[str], str]
) -> dict[str, Any]:
    """Return settings in which each ``{env = …}`` or ``{file = …}`` is replaced by the secret it names.

    The core does no input or output: the edge that reads the configuration passes both in.

    Args:
        settings: As configured.
        environ: The environment: ``os.environ``.
        read_file: Returns a file's text. One newline at its end is dropped.

    Raises:
        ConfigurationError: A variable is not set, or a file cannot be read. It names the key.
    """

    def resolve(value: Any, path: str) -> Any:
        if isinstance(value, list | tuple):
            return [resolve(item, f"{path}[{index}]") for index, item in enumerate(value)]
        if not isinstance(value, Mapping) or not _REFERENCE & set(value):
            return value
        if len({*_REFERENCE, "value"} & set(value)) > 1:
            raise ConfigurationError(f"{path}: give one of value, env and file")
        rest = {key: item for key, item in value.items() if key not in _REFERENCE}
        if "env" in value:
            name = value["env"]
            if not isinstance(name, str) or name not in environ:
                raise ConfigurationError(f"{path}: the environment variable {name} is not set")
            return {"label": name, **rest, "value": environ[name]}
        try:
            text = read_file(value["file"])
        except (OSError, ValueError, TypeError) as error:
            problem = type(error).__name__
        else:
            name = str(value["file"]).rpartition("/")[2]
            return {"label": name, **rest, "value": text.removesuffix("\n").removesuffix("\r")}
        raise ConfigurationError(f"{path}: the file {value['file']!r} cannot be read ({problem})")

    return {key: resolve(value, key) for key, value in settings.items()}


def _secret(value: Any, index: int) -> Secret:
    if isinstance(value, str):
        value = {"value": value}
    if not isinstance(value, Mapping):
        raise Misfit("is neither a string nor a table with value, env or file")
    if _REFERENCE & set(value):
        raise Misfit("is a reference that was not resolved: call cambist.resolve_references first")
    if unknown := set(value) - _SECRET_KEYS:
        raise Misfit(f"knows value, label, not_before and not_after, and no {', '.join(sorted(unknown))}")
    text, label = value.get("value"), value.get("label", str(index + 1))
    if not isinstance(text, str):
        raise Misfit("has no value, or one that is not a string")
    if not text.strip():
        raise Misfit("is empty")
    if not isinstance(label, str) or not label:
        raise Misfit("has a label that is not a string, or is empty")
    start, end = _instant(value, "not_before"), _instant(value, "not_after")
    if start and end and start >= end:
        raise Misfit("ends (not_after) before it begins (not_before)")
    return Secret(text, label, start, end)


def _instant(value: Mapping[str, Any], key: str) -> datetime | None:
    when = value.get(key)
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when)
        except ValueError:
            when = ""
    if when is None or (isinstance(when, datetime) and when.tzinfo):
        return when
    raise Misfit(f"has a {key} that is no time with a zone (2026-01-31T00:00:00Z)")


def _secrets(value: Any, _: Any) -> tuple[Secret, ...]:
    if not isinstance(value, list | tuple):
        raise Misfit("is not a list of secrets")
    if not value:
        raise Misfit("is empty: at least one secret is needed")
    secrets = []
    for index, item in enumerate(value):
        try:
            secrets.append(_secret(item, index))
        except Misfit as error:
            raise Misfit(f"entry {index} {error}") from None
    if len({secret.label for secret in secrets}) < len(secrets):
        raise Misfit("has two secrets with one label")
    return tuple(secrets)


_converter = strict_converter()
_converter.register_structure_hook_func(lambda wanted: wanted == tuple[Secret, ...], _secrets)
