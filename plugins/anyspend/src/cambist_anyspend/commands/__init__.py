"""``cambist anyspend …``, for the command line of Cambist: it brings click and rich, which this needs.

Importing this needs no extra; running a command needs the extra ``client``.
"""

from __future__ import annotations

import click

from cambist_anyspend.commands.webhooks import webhooks

__all__ = ["anyspend"]


@click.group(no_args_is_help=False)
def anyspend() -> None:
    """Manage an AnySpend account."""


anyspend.add_command(webhooks)
