"""The keys of a queue in the configuration, beside those of its address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, TypeVar

from attrs import field, fields, frozen

from cambist.errors import ConfigurationError
from cambist_queue._cloudevents import Mode
from cambist_queue._topic import DEFAULT_PARTITIONS, Topic, dead_letters

T = TypeVar("T")
Order: TypeAlias = Literal["payment", "source", "none"]
EVENTS: Final = "cambist.events"
DELIVERIES: Final = "cambist.deliveries"
WORKERS: Final = "workers"
"""The group of `cambist worker` on the queue of deliveries."""

WEEK_S: Final = 7 * 24 * 3600
FOREVER: Final = "forever"

_is_name = re.compile(r"[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,7}", re.ASCII).fullmatch
_is_group = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII).fullmatch


def _checked(problem: str, holds: Any) -> Any:
    def validate(_instance: Any, attribute: Any, value: Any) -> None:
        if not holds(value):
            raise ConfigurationError(f"{attribute.name}: {problem}")

    return validate


def _is_whole(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _names(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _age(value: Any) -> Any:
    return None if value == FOREVER else value


_NAME = _checked(
    "is not like cambist.events: letters, digits, '_' and '-', in parts with dots between them",
    lambda name: isinstance(name, str) and _is_name(name),
)
_GROUP = _checked(
    "is not a name of letters, digits, '_' and '-'",
    lambda name: isinstance(name, str) and _is_group(name),
)
_GROUPS = _checked(
    "is not a list of names of letters, digits, '_' and '-'",
    lambda names: (
        isinstance(names, tuple)
        and names
        and len(set(names)) == len(names)
        and all(isinstance(name, str) and _is_group(name) for name in names)
    ),
)
_PARTITIONS = _checked("is not a whole number from 1 to 256", lambda count: _is_whole(count, 1, 256))
_SECONDS = _checked(
    f'is neither a whole number of seconds from 60 up nor "{FOREVER}"',
    lambda age: age is None or _is_whole(age, 60, 2**31),
)
_BYTES = _checked(
    "is not a whole number of bytes from 65536 up", lambda size: size is None or _is_whole(size, 2**16, 2**53)
)
_REDELIVERY = _checked(
    "is not a number of seconds from 1 to 3600",
    lambda age: isinstance(age, int | float) and not isinstance(age, bool) and 1 <= age <= 3600,
)
_FLAG = _checked("is neither true nor false", lambda flag: isinstance(flag, bool))


@frozen
class EventOptions:
    """Keys of a sink.

    Args:
        name: The topic's name.
        partitions: How many partitions it has.
        groups: Who reads it.
        mode: ``binary`` or ``structured``, as CloudEvents call it.
        max_age_s: For how long the broker keeps events; ``None``, or ``"forever"``, for ever.
        max_bytes: How much it keeps at most; ``None`` for no bound.
        redeliver_after_s: After how many seconds an event of a reader that died is handed to another one.
        create: Whether to make the topic if it is missing. For development.
    """

    name: str = field(default=EVENTS, validator=_NAME)
    partitions: int = field(default=DEFAULT_PARTITIONS, validator=_PARTITIONS)
    groups: tuple[str, ...] = field(default=("main",), converter=_names, validator=_GROUPS)
    mode: Mode = field(
        default="binary",
        validator=_checked(
            'is neither "binary" nor "structured"',
            lambda mode: isinstance(mode, str) and mode in ("binary", "structured"),
        ),
    )
    max_age_s: int | None = field(default=WEEK_S, converter=_age, validator=_SECONDS)
    max_bytes: int | None = field(default=None, validator=_BYTES)
    redeliver_after_s: float = field(default=30, validator=_REDELIVERY)
    create: bool = field(default=False, validator=_FLAG)

    @property
    def topic(self) -> Topic:
        """The topic that the keys describe."""
        return Topic(
            self.name,
            self.partitions,
            self.groups,
            max_age_s=self.max_age_s,
            max_bytes=self.max_bytes,
            redeliver_after_s=self.redeliver_after_s,
        )

    @property
    def needed(self) -> tuple[Topic, ...]:
        """What has to be there: the topic, and that of its dead letters."""
        return (self.topic, dead_letters(self.topic))

    @property
    def made(self) -> tuple[Topic, ...]:
        """What `cambist queue init` makes of it: all."""
        return self.needed


@frozen
class DeliveryOptions:
    """Keys of the queue of raw deliveries.

    Args:
        name: The topic's name.
        partitions: How many partitions it has.
        redeliver_after_s: After how many seconds a delivery of a worker that died is handed to another one.
        order: What keeps the order of deliveries: ``payment`` reads each to find its payment; ``source`` has
            all of a source in one partition; ``none`` spreads them.
        card_numbers: Whether deliveries that hold card numbers may stand on the queue, in clear.
        create: Whether to make the topic if it is missing. For development.
    """

    name: str = field(default=DELIVERIES, validator=_NAME)
    partitions: int = field(default=DEFAULT_PARTITIONS, validator=_PARTITIONS)
    redeliver_after_s: float = field(default=30, validator=_REDELIVERY)
    order: Order = field(
        default="payment",
        validator=_checked(
            'is none of "payment", "source" and "none"',
            lambda order: isinstance(order, str) and order in ("payment", "source", "none"),
        ),
    )
    card_numbers: bool = field(default=False, validator=_FLAG)
    create: bool = field(default=False, validator=_FLAG)

    @property
    def topic(self) -> Topic:
        """The topic that the keys describe: what a worker has read goes, and nothing else does."""
        return Topic(
            self.name, self.partitions, (WORKERS,), keep=False, redeliver_after_s=self.redeliver_after_s
        )

    @property
    def needed(self) -> tuple[Topic, ...]:
        """What has to be there: the topic, and that of its dead letters."""
        return (self.topic, dead_letters(self.topic))

    @property
    def made(self) -> tuple[Topic, ...]:
        """What `cambist queue init` makes of it: all."""
        return self.needed


@frozen
class RecordOptions:
    """Keys of a provider's own queue.

    Args:
        name: The topic's name. It is the provider's: it has to be there.
        group: As whom the workers read it.
    """

    name: str = field(validator=_NAME)
    group: str = field(default="cambist", validator=_GROUP)

    @property
    def topic(self) -> Topic:
        """The topic. Its partitions are the provider's choice."""
        return Topic(self.name, partitions=0, groups=(self.group,))

    @property
    def needed(self) -> tuple[Topic, ...]:
        """What has to be there: the topic, and that of its dead letters."""
        return (self.topic, dead_letters(self.topic))

    @property
    def made(self) -> tuple[Topic, ...]:
        """What `cambist queue init` makes of it: the topic of dead letters, and nothing of the provider's."""
        return (dead_letters(self.topic),)


def split_options(cls: type[T], options: Mapping[str, Any]) -> tuple[T, dict[str, Any]]:
    """Return the keys of a class as that class, ``topic`` standing for its name, and the other keys.

    Raises:
        ConfigurationError: A value is malformed. It names the key.
    """
    known = {attribute.name for attribute in fields(cls)} - {"name"}  # type: ignore[arg-type]
    given = {key: value for key, value in options.items() if key in known}
    if "topic" in options:
        given["name"] = options["topic"]
    rest = {key: value for key, value in options.items() if key not in known and key != "topic"}
    try:
        return cls(**given), rest
    except ConfigurationError as error:
        problem = error.reason
    except TypeError:  # the only key without a default
        problem = "name: is missing"
    raise ConfigurationError(
        "topic" + problem.removeprefix("name") if problem.startswith("name:") else problem
    )
