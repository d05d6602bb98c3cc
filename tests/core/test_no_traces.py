"""What an error carries beside its message: nothing of the payload, not even in recorded local variables."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest

from cambist import CambistError, Delivery, Pipeline, Provider

MARK = "v4lue-of-the-payload"
BODIES = {
    "a fault": b'{"id": {"x": "%s"}, "state": "done"}' % MARK.encode(),
    "not JSON": b'{"id": "%s' % MARK.encode(),
    "a list": b'["%s"]' % MARK.encode(),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
def test_the_frames_of_the_core_hold_no_value_of_the_payload(
    body: bytes,
    toy: Callable[..., Provider],
    pipeline_of: Callable[..., Pipeline],
    signed: Callable[..., Delivery],
) -> None:
    with pytest.raises(CambistError) as caught:
        pipeline_of(toy()).process(signed(body))
    found = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in found.stack if "cambist" in frame.filename and "tests" not in frame.filename]
    assert frames
    assert MARK not in repr([frame.locals for frame in frames])
