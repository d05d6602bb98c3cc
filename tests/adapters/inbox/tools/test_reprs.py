"""What a replay gives shows no value of a payload unless it is asked for."""

from __future__ import annotations

from cambist_inbox import Change, Difference, Replayed, Result


def test_no_repr_shows_a_value() -> None:
    difference = Difference("amounts.received.amount", "49.90", "49.91")
    change = Change("evt_1", b'{"amount":"49.90"}', b'{"amount":"49.91"}', (difference,))
    shown = repr(Replayed(1, "shop", Result.CHANGED, (change,)))
    assert "amounts.received.amount" in shown
    assert "49.9" not in shown
