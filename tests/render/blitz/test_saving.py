"""Saving settings: faults, and no engine left behind. Runs with and without gevent.

That the right settings are saved is tried with the image server, in
tests/app/metadata/test_rdefs.py.
"""

from dataclasses import replace

import pytest

from render.blitz.source import BlitzSession
from render.errors import DeadlineExceeded, Forbidden, NotFound, SourceFailed
from render.values import RenderingDefinition
from tests.render.blitz import tiny_server
from tests.render.blitz.conftest import TinyServer, soon
from tests.render.blitz.test_rendering import DEFINITION, INFO, draw


def save(
    session: BlitzSession, definition: RenderingDefinition = DEFINITION, seconds: float = 10
) -> None:
    session.save_definition(INFO, definition, soon(seconds))


def test_an_engine_of_its_own_saves_and_is_closed(tiny: TinyServer, session: BlitzSession) -> None:
    draw(session)
    save(session)
    assert tiny.counters()["saved"] == 1
    # The pooled one, which had other settings loaded, is left.
    tiny.wait_for("engines", 1)


def test_no_engine_outlives_a_failure(tiny: TinyServer, session: BlitzSession) -> None:
    with pytest.raises(Forbidden) as caught:
        save(session, replace(DEFINITION, default_z=tiny_server.FAILS))
    assert "secret" not in str(caught.value)
    tiny.wait_for("engines", 0)
    with pytest.raises(NotFound):
        session.save_definition(replace(INFO, pixels_id=4711), DEFINITION, soon())
    tiny.wait_for("engines", 0)
    binding = replace(DEFINITION.bindings[0], family="polynomial")
    with pytest.raises(SourceFailed, match="polynomial"):
        save(session, DEFINITION.with_bindings((binding, *DEFINITION.bindings[1:])))
    tiny.wait_for("engines", 0)
    assert tiny.counters()["saved"] == 0


def test_what_takes_longer_than_the_request_is_saved_all_the_same(
    tiny: TinyServer, session: BlitzSession
) -> None:
    with pytest.raises(DeadlineExceeded):
        save(session, replace(DEFINITION, default_z=tiny_server.SLOW), seconds=0.3)
    tiny.wait_for("saved", 1)
    tiny.wait_for("engines", 0)
