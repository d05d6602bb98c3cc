"""`cambist replay`: stored deliveries through today's mapping."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from cambist import Pipeline
from cambist_cli._config import load_config
from cambist_cli._filters import NUMBER, chosen, filters
from cambist_cli._inbox import config_option, open_archive, run
from cambist_cli._listing import cell, print_line, wants_json
from cambist_cli._progress import progress
from cambist_cli._text import one_line

if TYPE_CHECKING:
    from cambist_inbox import Change, Replayed

# Of these a reader wants to see what they were and are; of all others that they are different.
_TOLD: Final = ("status", "kind", "final", "occurred_at")
_SUMMARY: Final = {
    "unchanged": "unchanged",
    "changed": "changed",
    "released": "out of quarantine",
    "quarantined": "still in quarantine",
    "no body": "skipped, their body was dropped",
    "other identity": "not applied: their events would be others",
    "unreadable": "cannot be read any more",
    "sealed": "could not be opened",
    "no source": "of a source that is not configured",
}


@click.command("replay")
@config_option
@filters("source", "status", "quarantined", "since", "until")
@click.option("--unknown", is_flag=True, help="Only those with an event of unknown status.")
@click.option("--delivery", "number", metavar="ID", type=NUMBER, help="Only the delivery of this number.")
@click.option("--dry-run", is_flag=True, help="Change nothing, only show what would be different.")
@click.option("--relay", is_flag=True, help="Hand changed events to the sinks again, too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document a line, also on a terminal.")
def command(
    path: Path,
    status: str | None,
    unknown: bool,
    dry_run: bool,
    relay: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Make the events of stored deliveries again.

    That is by the plugins of today. Nothing is verified again, and no event is stored twice. What is
    different is shown and stored, and payments stand where their events say. A delivery that would give
    other events than those that are stored is left as it is, and told. Events of deliveries that leave
    the quarantine go to the sinks.
    """
    if unknown and status not in (None, "unknown"):
        raise click.UsageError("Give --status or --unknown, not both.", click.get_current_context())
    wanted = {**options, "status": "unknown" if unknown else status}
    _, pipeline = load_config(path).wire()
    run(_replay(path, pipeline, wanted, dry_run, relay, as_json))


async def _replay(
    path: Path, pipeline: Pipeline, wanted: dict[str, Any], dry_run: bool, relay: bool, as_json: bool
) -> None:
    results: Counter[str] = Counter()
    failed = 0
    async with open_archive(path) as opened:
        archive, chosen_ones = opened.archive, chosen(wanted)
        total = await archive.count_deliveries(chosen_ones) if sys.stderr.isatty() else 0
        with progress("Replaying") as advance:
            async for outcome in archive.replay(
                pipeline, chosen_ones, sinks=opened.stored.sinks, relay=relay, dry_run=dry_run
            ):
                results[outcome.result] += 1
                failed += outcome.result.failed
                _print(outcome, wants_json(as_json))
                advance(results.total(), total)
    sys.stdout.flush()
    told = ", ".join(f"{count} {_SUMMARY[result]}" for result, count in results.items())
    click.echo(f"{results.total()} deliveries{' (dry run)' if dry_run else ''}: {told or 'none'}", err=True)
    if failed:
        raise click.ClickException(f"{failed} deliveries could not be replayed")


def _print(outcome: Replayed, as_json: bool) -> None:
    """Print an outcome; of one that is as it was nothing."""
    if outcome.result in ("unchanged", "no body"):
        return
    if as_json:
        print_line(_line(outcome))
        return
    told = f"delivery {outcome.delivery_id}: {outcome.result}"
    click.echo(f"{told} ({one_line(outcome.problem)})" if outcome.problem else told)
    for change in outcome.changes:
        click.echo(f"  event {change.event_id}: {_told(change)}")
    for verdict in outcome.verdicts:
        click.echo(f"  event {verdict.event_id}: verdict {_arrow(verdict.before, verdict.after)}")
    for payment in outcome.payments:
        where = _arrow(payment.before, payment.after)
        click.echo(f"  payment {one_line(payment.reference)}: {where}")


def _told(change: Change) -> str:
    if change.before is None:
        return "new"
    known = [each for each in change.differences if each.path in _TOLD]
    others = sorted({each.path for each in change.differences} - set(_TOLD))
    parts = [f"{each.path} {_arrow(each.before, each.after)}" for each in known]
    return one_line("; ".join([*parts, *([f"different: {', '.join(others)}"] if others else [])]))


def _arrow(before: Any, after: Any) -> str:
    return f"{cell(before) or 'none'} -> {cell(after) or 'none'}"


def _line(outcome: Replayed) -> bytes:
    """Return an outcome as JSON, its documents as they are: byte for byte."""
    head = {
        "delivery": outcome.delivery_id,
        "source": outcome.source,
        "result": outcome.result,
        "problem": outcome.problem,
    }
    verdicts = [{"id": v.event_id, "before": v.before, "after": v.after} for v in outcome.verdicts]
    moved = [{"payment": p.reference, "before": p.before, "after": p.after} for p in outcome.payments]
    events = b",".join(map(_event, outcome.changes))
    rest = json.dumps({"verdicts": verdicts, "payments": moved}).encode()
    return json.dumps(head).encode()[:-1] + b', "events": [' + events + b"], " + rest[1:]


def _event(change: Change) -> bytes:
    paths: Sequence[str] = [each.path for each in change.differences]
    head = json.dumps({"id": change.event_id, "differences": paths}).encode()[:-1]
    return head + b', "before": ' + (change.before or b"null") + b', "after": ' + change.after + b"}"
