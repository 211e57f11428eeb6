"""Thumbnails under settings that were saved on a real image server, each by its id."""

from collections.abc import Iterator

import numpy as np
import pytest
import tifffile

from render.engine.scale import resize
from tests.app.conftest import (
    Gateway,
    images_served,
    make_gateway_on,
)
from tests.app.imaging.test_thumbnails import as_jpeg
from tests.app.test_pictures import levels_of
from tests.app.test_routes import assert_is_error
from tests.imageserver.ice.clients import LoggedIn, log_in

STACK, TWIN = "stack.ome.tif", "twin.ome.tif"


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Iterator[tuple[Gateway, LoggedIn]]:
    folder = tmp_path_factory.mktemp("images")
    stack = np.random.default_rng(5).integers(0, 4000, (4, 40, 50), np.uint16)
    for name in (STACK, TWIN):
        tifffile.imwrite(
            folder / name, stack, ome=True, photometric="minisblack", metadata={"axes": "ZYX"}
        )
    with images_served(folder, tmp_path_factory.mktemp("index"), [], stack) as server:
        cache_dir = tmp_path_factory.mktemp("cache")
        gateway = make_gateway_on(server, cache_dir, image_info_max_age_s=0)
        with log_in(server.port) as client:
            yield gateway, client
        gateway.close()


def save(client: LoggedIn, name: str, end: int, z: int) -> int:
    """Save new settings of an image, blue from 0 to `end`, and give their id."""
    engine = client.factory.createRenderingEngine()
    engine.lookupPixels(client.pixels_id(name))
    engine.lookupRenderingDef(client.pixels_id(name))
    engine.load()
    [colored] = [model for model in engine.getAvailableModels() if model.value.val == "rgb"]
    engine.setModel(colored)
    engine.setChannelWindow(0, 0.0, float(end))
    engine.setRGBA(0, 0, 0, 255, 255)
    engine.setDefaultZ(z)
    number = engine.saveAsNewSettings()
    engine.close()
    return number


def expected(plane: np.ndarray, end: int) -> np.ndarray:
    picture = np.zeros((40, 50, 3), np.uint8)
    picture[..., 2] = levels_of(plane, 0, end)
    return as_jpeg(resize(picture, 50, 40))


def test_a_thumbnail_has_the_newest_settings_or_those_with_an_id(saved):
    gateway, client = saved
    image, stack = gateway.ids[STACK], gateway.server.stack
    older, newer = save(client, STACK, 3000, 1), save(client, STACK, 900, 3)
    others = save(client, TWIN, 50, 0)
    path = f"render_thumbnail/{image}/50/40/"
    for query, plane, end in (
        ("", 3, 900),
        (f"?rdefId={newer}", 3, 900),
        (f"?rdefId={older}", 1, 3000),
        (f"?rdefId={older}&z=2", 2, 3000),
    ):
        np.testing.assert_array_equal(gateway.picture(path + query), expected(stack[plane], end))
    assert_is_error(gateway.get(f"{path}?rdefId={others}"), 404)
    batch = gateway.get(f"get_thumbnails/50/?id={image}&rdefId={older}").get_json()
    single = gateway.get(f"get_thumbnail/{image}/50/?rdefId={older}").get_json()
    assert batch == {str(image): single}


def test_saving_settings_changes_the_thumbnail_at_once(saved):
    gateway, client = saved
    path = f"render_thumbnail/{gateway.ids[TWIN]}/50/40/"
    for end in (4000, 1000):
        save(client, TWIN, end, 2)
        np.testing.assert_array_equal(gateway.picture(path), expected(gateway.server.stack[2], end))
