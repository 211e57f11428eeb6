import os
import shutil

import numpy as np
import pytest
import tifffile

from tests.browser.chromium import chromium, chromium_path, set_screen
from tests.browser.page import Page
from tests.support.service import PROJECT, running

SAMPLES = PROJECT / "samples"


def pytest_collection_modifyitems(items):
    if chromium_path() is None and os.environ.get("CI") != "true":
        skip = pytest.mark.skip(reason="chromium and chromium-driver are not installed")
        for item in items:
            if "browser" in getattr(item, "fixturenames", ()):
                item.add_marker(skip)


def write_pyramid(path):
    """A 3-channel 16-bit pyramid of three levels, with a pattern that differs everywhere."""
    y, x = np.mgrid[0:2200, 0:3000]
    planes = np.stack(
        [x % 997 + y // 4, (x + 2 * y) % 1499, (x // 16 + y // 16) % 2 * 900 + x // 8]
    )
    planes = planes.astype(np.uint16)
    options = {"tile": (256, 256), "photometric": "minisblack", "compression": "zlib"}
    pixel_size = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25}
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(planes, subifds=2, metadata={"axes": "CYX", **pixel_size}, **options)
        for step in (2, 4):
            file.write(planes[:, ::step, ::step], subfiletype=1, **options)


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for path in SAMPLES.glob("*.tif"):
        shutil.copy(path, folder)
    (folder / "more").mkdir()
    write_pyramid(folder / "more" / "pyramid.ome.tif")
    (folder / "more" / "broken.tif").write_bytes(b"II*\0this is no image")
    plain = {"iviewer": False, "figure": False}
    with running(folder, tmp_path_factory.mktemp("cache"), workers=1, **plain) as service:
        yield service


@pytest.fixture(scope="session")
def image_ids(service):
    """The ids of all images by name, once they have been found."""
    return service.image_ids(8)


@pytest.fixture(scope="session")
def one_browser(image_ids, tmp_path_factory):
    # After the service and so closed before it, which would wait for the browser's connections.
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(one_browser):
    set_screen(one_browser, 1200, 800)
    one_browser.get("about:blank")
    one_browser.get_log("browser")
    yield one_browser
    complaints = [
        entry["message"]
        for entry in one_browser.get_log("browser")
        if entry["level"] in ("SEVERE", "WARNING") and "broken.tif" not in entry["message"]
    ]
    assert complaints == []


@pytest.fixture
def page(browser, service, image_ids):
    return Page(browser, service, image_ids)
