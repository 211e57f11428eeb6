"""Rendering engines: settings sent once, faults, leaks. Runs with and without gevent.

That the pictures are right is tried with the image server, in tests/render/workers.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from render.blitz.source import BlitzSession, BlitzSource
from render.errors import DeadlineExceeded, NotFound, SourceFailed
from render.values import ChannelBinding, Color, Model, Region, RenderingDefinition, Window
from tests.render.blitz import tiny_server
from tests.render.blitz.conftest import LOGIN, TinyServer, soon, tiny_info
from tests.render.blitz.test_sessions import side_by_side

INFO = tiny_info()
SHOWN = ChannelBinding(True, Window(0, 100), Color(255, 0, 0))
DEFINITION = RenderingDefinition(Model.RGB, (SHOWN, SHOWN, SHOWN))
REGION = Region(30, 20, 50, 40)


def draw(
    session: BlitzSession,
    definition: RenderingDefinition = DEFINITION,
    z: int = 0,
    seconds: float = 10,
    **changes: Any,
) -> np.ndarray:
    info, region = changes.get("info", INFO), changes.get("region", REGION)
    return session.render_region(info, definition, z, 0, 0, region, soon(seconds))


def expected(region: Region = REGION) -> np.ndarray:
    """Give what the tiny server draws: the place of each pixel in green and blue."""
    picture = np.zeros((region.height, region.width, 4), np.uint8)
    y, x = np.mgrid[: region.height, : region.width]
    picture[..., 1], picture[..., 2], picture[..., 3] = y + region.y, x + region.x, 255
    return picture


def test_parts_of_a_colour_come_to_their_places(session: BlitzSession) -> None:
    np.testing.assert_array_equal(draw(session), expected())


def test_a_region_above_the_message_limit_is_drawn_in_pieces(
    make_source: Callable[..., BlitzSource],
) -> None:
    session = make_source(read_bytes=1000).session(LOGIN, soon())
    np.testing.assert_array_equal(draw(session), expected())


def test_an_image_without_settings_gets_the_servers_own(
    tiny: TinyServer, session: BlitzSession
) -> None:
    side_by_side(1, lambda: draw(session))
    assert tiny.counters()["settings_made"] == 1


def test_only_what_changed_is_sent(tiny: TinyServer, session: BlitzSession) -> None:
    draw(session)
    before = tiny.counters()["settings_changed"]
    draw(session, z=1)
    assert tiny.counters()["settings_changed"] == before
    moved = replace(SHOWN, window=Window(5, 100))
    draw(session, DEFINITION.with_bindings((SHOWN, moved, SHOWN)))
    assert tiny.counters()["settings_changed"] == before + 1
    assert tiny.counters()["engines"] == 1


def test_a_reversal_that_is_stored_is_not_sent_again(
    tiny: TinyServer, session: BlitzSession
) -> None:
    turned = replace(SHOWN, reverse_intensity=True)
    draw(session, DEFINITION.with_bindings((SHOWN, turned, SHOWN)))
    assert tiny.counters()["reversals"] == 0
    draw(session)
    assert tiny.counters()["reversals"] == -1
    draw(session, DEFINITION.with_bindings((turned, turned, SHOWN)))
    assert tiny.counters()["reversals"] == 1


def test_a_fault_is_told_without_the_servers_words_and_leaves_no_engine(
    tiny: TinyServer, session: BlitzSession
) -> None:
    with pytest.raises(SourceFailed) as caught:
        draw(session, z=tiny_server.FAILS)
    assert "secret" not in str(caught.value)
    tiny.wait_for("engines", 0)
    with pytest.raises(SourceFailed, match="drew 1 pixels"):
        draw(session, z=tiny_server.SHORT)
    tiny.wait_for("engines", 0)
    with pytest.raises(DeadlineExceeded):
        draw(session, z=tiny_server.SLOW, seconds=0.3)
    tiny.wait_for("engines", 0)
    with pytest.raises(NotFound):
        draw(session, info=replace(INFO, pixels_id=4711))
    tiny.wait_for("engines", 0)
    unknown = DEFINITION.with_bindings((replace(SHOWN, family="polynomial"), SHOWN, SHOWN))
    with pytest.raises(SourceFailed, match="polynomial"):
        draw(session, unknown)
    tiny.wait_for("engines", 0)


def test_an_engine_that_the_server_forgot_is_opened_anew(
    tiny: TinyServer, session: BlitzSession
) -> None:
    draw(session)
    tiny.forget_stores()
    np.testing.assert_array_equal(draw(session), expected())
    assert tiny.counters()["engines"] == 1


def test_idle_engines_are_closed(tiny: TinyServer, make_source: Callable[..., BlitzSource]) -> None:
    draw(make_source(store_idle_s=0.2).session(LOGIN, soon()))
    tiny.wait_for("engines", 0)


def test_many_draw_at_once_with_few_engines(
    tiny: TinyServer, make_source: Callable[..., BlitzSource]
) -> None:
    source = make_source(stores_per_session=3, stores_per_pixels=3)
    session = source.session(LOGIN, soon())
    pictures = side_by_side(12, lambda: draw(session))
    for picture in pictures:
        np.testing.assert_array_equal(picture, expected())
    assert tiny.counters()["engines"] <= 3
    assert tiny.counters()["overlaps"] == 0
    source.close()
    tiny.wait_for("engines", 0)
