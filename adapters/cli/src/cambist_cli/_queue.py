"""`cambist queue`: what is on brokers."""

from __future__ import annotations

from pathlib import Path

import click

from cambist_cli._config import Config, load_config
from cambist_cli._inbox import config_option, run
from cambist_cli._queues import init_queues


@click.group("queue")
def command() -> None:
    """Make the topics that sinks and workers need."""


@command.command("init")
@config_option
def init(path: Path) -> None:
    """Make the topics of [[sinks]], [deliveries] and [[records]], and those of their dead letters.

    They are durable, and made with all that belongs to them: partitions, groups, limits. What is there as it
    should be is left alone, and what is there in another form is an error. `cambist serve` and
    `cambist worker` make nothing by themselves.
    """
    config = load_config(path)
    run(_init(config))


async def _init(config: Config) -> None:
    async for line in init_queues(config):
        click.echo(line)
