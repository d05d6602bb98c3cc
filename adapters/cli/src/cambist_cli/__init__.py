"""The `cambist` command: verify, normalise, sign and serve payment webhooks."""

from cambist_cli._main import main

__all__ = ["main"]
