"""``cambist anyspend webhooks …``: one command for each call of the management API."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cambist_anyspend.commands.options import Account, account_options
from cambist_anyspend.commands.output import document, print_document, print_documents
from cambist_anyspend.commands.secret_file import new_secret_file

if TYPE_CHECKING:  # the extra may be missing
    from cambist_anyspend.client import CreatedWebhook

_webhook = click.argument("webhook_id", metavar="WEBHOOK")
_delivery = click.argument("delivery_id", metavar="DELIVERY")


@click.group(no_args_is_help=False)
def webhooks() -> None:
    """List, make, change, remove and try out webhooks.

    The API key is taken from the environment variable ANYSPEND_API_KEY, or from --api-key-file. On a terminal
    answers are tables, elsewhere one JSON document a line.
    """


@webhooks.command("list")
@account_options
def list_(account: Account, as_json: bool) -> None:
    """List all webhooks."""
    found = account.call(lambda client: client.list())
    print_documents([document(each) for each in found], as_json, "There is no webhook.")


@webhooks.command()
@click.argument("url")
@click.option(
    "--event", "events", metavar="TYPE", multiple=True, required=True, help="An event type; may be repeated."
)
@click.option(
    "--secret-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the secret to this new file, for its owner alone to read, and do not print it.",
)
@account_options
def create(
    account: Account, as_json: bool, url: str, events: tuple[str, ...], secret_file: Path | None
) -> None:
    """Make a webhook that delivers to URL.

    AnySpend tells the webhook's secret this once. It is printed, unless there is a --secret-file.
    """
    if secret_file is not None:
        with new_secret_file(secret_file) as write:
            created = account.call(lambda client: client.create(url, events))
            try:
                write(created.secret)
            except OSError as error:
                lost = _lost(created, error)
            else:
                print_document({**document(created.webhook), "secret_file": str(secret_file)}, as_json)
                return
            raise lost
    created = account.call(lambda client: client.create(url, events))
    try:
        print_document({**document(created.webhook), "secret": created.secret.reveal()}, as_json)
    except OSError as error:
        lost = _lost(created, error)
    else:
        if sys.stdout.isatty():
            click.echo("The secret is told this once: store it now.", err=True)
        return
    raise lost


def _lost(created: CreatedWebhook, error: OSError) -> click.ClickException:
    return click.ClickException(
        f"the webhook {created.webhook.id} is made, but its secret cannot be written ({error.strerror}) "
        "and is lost: delete the webhook, and make another"
    )


@webhooks.command()
@_webhook
@account_options
def get(account: Account, as_json: bool, webhook_id: str) -> None:
    """Show one webhook."""
    found = account.call(lambda client: client.get(webhook_id))
    print_document(document(found), as_json)


@webhooks.command()
@_webhook
@click.option("--url", metavar="URL", help="Where it delivers.")
@click.option(
    "--event",
    "events",
    metavar="TYPE",
    multiple=True,
    help="An event type; may be repeated. They replace all that it had.",
)
@click.option("--active/--paused", "is_active", default=None, help="Whether it delivers.")
@account_options
def update(
    account: Account,
    as_json: bool,
    webhook_id: str,
    url: str | None,
    events: tuple[str, ...],
    is_active: bool | None,
) -> None:
    """Change a webhook, and show it as it is now. What is not given stays as it is."""
    if url is None and not events and is_active is None:
        raise click.UsageError("Give --url, --event, --active or --paused.", click.get_current_context())
    found = account.call(
        lambda client: client.update(webhook_id, url=url, events=events or None, is_active=is_active)
    )
    print_document(document(found), as_json)


@webhooks.command()
@_webhook
@click.option("--yes", is_flag=True, help="Do not ask.")
@account_options
def delete(account: Account, as_json: bool, webhook_id: str, yes: bool) -> None:
    """Remove a webhook for ever. Its pending deliveries are cancelled."""
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("Give --yes: nobody can be asked here.", click.get_current_context())
        if not click.confirm("Remove this webhook for ever, and cancel its pending deliveries?", err=True):
            raise click.ClickException("nothing is removed")
    account.call(lambda client: client.delete(webhook_id))
    print_document({"id": webhook_id, "deleted": True}, as_json)


@webhooks.command()
@_webhook
@account_options
def test(account: Account, as_json: bool, webhook_id: str) -> None:
    """Have a test delivered, and show what the endpoint answered."""
    sent = account.call(lambda client: client.send_test(webhook_id))
    print_document(document(sent), as_json)


@webhooks.command()
@_webhook
@account_options
def deliveries(account: Account, as_json: bool, webhook_id: str) -> None:
    """List the recent deliveries of a webhook."""
    found = account.call(lambda client: client.deliveries(webhook_id))
    print_documents([document(each) for each in found], as_json, "There is no delivery.")


@webhooks.command()
@_webhook
@_delivery
@account_options
def retry(account: Account, as_json: bool, webhook_id: str, delivery_id: str) -> None:
    """Have a failed delivery made again, and show what was answered."""
    sent = account.call(lambda client: client.retry(webhook_id, delivery_id))
    print_document(document(sent), as_json)
