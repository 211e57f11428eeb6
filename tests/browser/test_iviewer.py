"""The unmodified OMERO.iviewer, worked as people work it; what it paints is read back."""

import base64
import csv
import io
import time
import urllib.request
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import wait_for
from tests.browser.compared import CHANGED, SAME, difference, write_cells
from tests.browser.conftest import write_pyramid
from tests.support.iviewer import needs_iviewer
from tests.support.service import running

pytestmark = [pytest.mark.slow, needs_iviewer]

CELLS, OTHER, PYRAMID = "cells.ome.tif", "other.png", "pyramid.ome.tif"
WAIT_S = 30
DEFAULT = "1|0:1000$FF0000,2|0:1000$00FF00"

PAINTED = """(() => { const canvas = document.querySelector('.viewer-container canvas');
    return canvas && canvas.width ? canvas.toDataURL('image/png') : null; })()"""
TILES = """performance.getEntriesByType('resource').map((entry) => entry.name)
    .filter((name) => name.includes('tile='))"""
CHANNEL = "channel-range"
PERCENT = "Number(document.querySelector('.ol-zoom-display').value)"
#: Keeps the text of the file that is handed to the browser to be saved.
CATCH_EXPORT = """window.exported = null; const give = URL.createObjectURL;
    URL.createObjectURL = (blob) => {
        blob.text().then((text) => { window.exported = text; });
        return give.call(URL, blob); };"""


@pytest.fixture(scope="module")
def viewed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("viewed")
    write_cells(folder / CELLS)
    write_pyramid(folder / PYRAMID)
    Image.fromarray(np.tile(np.arange(200, dtype=np.uint8), (100, 1))).save(folder / OTHER)
    cache = tmp_path_factory.mktemp("cache")
    # Connections that the browser keeps must not hold up the end.
    with running(folder, cache, workers=1, keepalive_s=1, figure=False) as service:
        yield service


@pytest.fixture(scope="module")
def ids(viewed):
    return viewed.image_ids(3)


class Viewer:
    """OMERO.iviewer in the browser, and what it should paint according to the service."""

    def __init__(self, browser, service, ids):
        self.browser, self.service, self.ids = browser, service, ids

    def open(self, name, link=""):
        self.browser.get("about:blank")
        self.browser.get(self.service.url(f"/iviewer/?images={self.ids[name]}{link}"))
        wait_for(self.browser, f"document.querySelectorAll('{CHANNEL}').length > 0")
        return self

    def picture(self, path):
        """A picture by its address, (height, width, 3)."""
        address = self.service.url(quote(path, safe="/?=&"))
        with urllib.request.urlopen(address, timeout=60) as answer:
            return np.asarray(Image.open(io.BytesIO(answer.read())).convert("RGB"))

    def plane(self, name, c=DEFAULT, z=0, t=0, more="&m=c"):
        return self.picture(
            f"/webgateway/render_image/{self.ids[name]}/{z}/{t}/?format=png&c={c}{more}"
        )

    def painted(self):
        """What is painted, without the empty margin; None as long as nothing is."""
        text = self.browser.execute_script(f"return {PAINTED}")
        if text is None:
            return None
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2]))))
        solid = pixels[..., 3] == 255
        rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
        if not rows.size:
            return None
        return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, :3]

    def shows(self, expected):
        """Wait until the picture is painted, all of it."""
        until = time.monotonic() + WAIT_S
        while True:
            painted = self.painted()
            found = 255.0 if painted is None else difference(painted, expected)
            if found < SAME:
                return
            assert time.monotonic() < until, f"painted differs by {found:.1f} from what it should"
            time.sleep(0.1)

    def click(self, selector, index=0):
        wait_for(self.browser, f"document.querySelectorAll({selector!r}).length > {index}")
        self.browser.find_elements(By.CSS_SELECTOR, selector)[index].click()

    def type_into(self, selector, index, text):
        field = self.browser.find_elements(By.CSS_SELECTOR, selector)[index]
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text, Keys.ENTER)

    def text(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector).text

    def button(self, label):
        """The button of the settings with this label."""
        found = self.browser.find_elements(By.CSS_SELECTOR, "#settings button")
        return next(button for button in found if button.text == label)

    def open_regions(self):
        """Open the tab of regions, and wait for what it lists."""
        self.click("#panel-tabs a", 2)
        wait_for(self.browser, "document.querySelector('.draw-rectangle-icon') !== null")

    def save_regions(self, name, confirmed=False):
        """Save regions; give the shapes that the image has then, once they are others.

        Where some are deleted, that has to be `confirmed`.
        """
        before = self.saved_shapes(name)
        button = "document.querySelector('.shapes-persistence button')"
        wait_for(self.browser, f"{button}.disabled === false")
        self.click(".shapes-persistence button")
        if confirmed:
            wait_for(self.browser, "document.querySelector('.confirmation-dialog.in') !== null")
            self.click(".confirmation-dialog .yes")
        until = time.monotonic() + WAIT_S
        while (after := self.saved_shapes(name)) == before:
            assert time.monotonic() < until, "no region was saved"
            time.sleep(0.1)
        return after

    def saved_shapes(self, name):
        """The shapes of an image, as the service tells them."""
        told = self.service.get_json(f"/api/v0/m/rois/?image={self.ids[name]}")
        return [shape for roi in told["data"] for shape in roi["shapes"]]

    def levels(self):
        """The levels of all tiles asked for."""
        urls = self.browser.execute_script(f"return {TILES}")
        return {parse_qs(urlsplit(url).query)["tile"][0].split(",")[0] for url in urls}


@pytest.fixture
def viewer(browser, viewed, ids):
    yield Viewer(browser, viewed, ids)
    # What is still under way would be told as failed when the service has ended.
    browser.get("about:blank")


def test_a_plane_is_painted_and_follows_window_colour_and_channels(viewer):
    viewer.open(CELLS, f"&c={DEFAULT}&m=c&z=1&t=1")
    before = viewer.plane(CELLS)
    viewer.shows(before)
    # Each step: what is done, and the settings that it comes to.
    viewer.type_into(".channel-end", 0, "600")
    narrow = DEFAULT.replace("1|0:1000", "1|0:600")
    viewer.shows(now := viewer.plane(CELLS, narrow))
    assert difference(before, now) > CHANGED

    viewer.click(".channel-button-group .dropdown-toggle", 0)
    viewer.click("channel-range .luts-item[title=cyan]", 0)
    cyan = narrow.replace("FF0000", "00FFFF")
    viewer.shows(colored := viewer.plane(CELLS, cyan))
    assert difference(now, colored) > CHANGED

    viewer.click(".channel-button-group .dropdown-toggle", 0)
    viewer.click("channel-range .luts-item[title=fire]", 0)
    fire = narrow.replace("FF0000", "fire.lut")
    viewer.shows(tabled := viewer.plane(CELLS, fire))
    assert difference(colored, tabled) > CHANGED

    viewer.click(".channel-button-group .dropdown-toggle", 0)
    viewer.click("channel-range .channel-color input[type=checkbox]", 0)
    maps = '&m=c&maps=[{"inverted":{"enabled":true}},{"inverted":{"enabled":false}}]'
    viewer.shows(inverted := viewer.plane(CELLS, fire, more=maps))
    assert difference(tabled, inverted) > CHANGED
    viewer.click(".channel-button-group .dropdown-toggle", 0)

    viewer.click(".channel-button-group .channel", 1)
    alone = '&m=c&maps=[{"inverted":{"enabled":true}}]'
    viewer.shows(one := viewer.plane(CELLS, fire.partition(",")[0], more=alone))
    assert difference(inverted, one) > CHANGED


def test_sections_timepoints_and_projections(viewer):
    viewer.open(CELLS, f"&c={DEFAULT}&m=c&z=1&t=1")
    planes = {(z, t): viewer.plane(CELLS, z=z, t=t) for z in range(2) for t in range(2)}
    assert min(difference(planes[0, 0], planes[key]) for key in ((1, 0), (0, 1))) > CHANGED
    viewer.shows(planes[0, 0])
    viewer.click(".plane-slider .glyphicon-chevron-up")
    viewer.shows(planes[1, 0])
    assert viewer.text(".plane-slider .dim-current") == "2"
    viewer.click(".time-slider .glyphicon-chevron-right")
    viewer.shows(planes[1, 1])
    viewer.click(".dim-projection")
    projected = viewer.plane(CELLS, t=1, more="&m=c&p=intmax|0:2")
    assert difference(projected, planes[1, 1]) > CHANGED
    viewer.shows(projected)


def test_the_histogram_is_drawn(viewer):
    viewer.open(CELLS)
    viewer.click(".checkbox-settings input", 1)
    drawn = "[...document.querySelectorAll('.histogram svg path')].map((p) => p.getAttribute('d'))"
    wait_for(viewer.browser, f"{drawn}.some((d) => d && d.length > 500)")


def test_images_of_the_dataset_are_listed_and_opened(viewer):
    viewer.open(CELLS)
    pictures = "[...document.querySelectorAll('.thumbnail-wrapper img')]"
    ready = f"{pictures}.filter((i) => i.complete && i.naturalWidth > 20).map((i) => i.title)"
    wait_for(viewer.browser, f"{ready}.length === 3")
    assert viewer.browser.execute_script(f"return {ready}") == [CELLS, OTHER, PYRAMID]
    viewer.click(f"img[title='{OTHER}']")
    shown = f"document.querySelector('header').innerText.includes('{OTHER}')"
    wait_for(viewer.browser, shown)
    viewer.shows(viewer.picture(f"/webgateway/render_image/{viewer.ids[OTHER]}/?format=png"))


def test_settings_are_saved(viewer, viewed):
    viewer.open(CELLS)
    viewer.type_into(".channel-end", 1, "777")
    wait_for(
        viewer.browser,
        "[...document.querySelectorAll('.save-settings button')][0].disabled === false",
    )
    viewer.button("Save").click()
    address = f"/webgateway/imgData/{viewer.ids[CELLS]}/channels/"
    until = time.monotonic() + WAIT_S
    while viewed.get_json(address)[1]["window"]["end"] != 777:
        assert time.monotonic() < until, "the window was not saved"
        time.sleep(0.1)
    viewer.open(CELLS)
    wait_for(viewer.browser, "document.querySelectorAll('.channel-end')[1]?.value === '777'")


def test_regions_are_drawn_saved_and_deleted(viewer):
    viewer.open(OTHER)
    viewer.open_regions()
    viewer.click(".draw-rectangle-icon")
    canvas = viewer.browser.find_element(By.CSS_SELECTOR, ".viewer-container canvas")
    actions = ActionChains(viewer.browser)
    actions.move_to_element_with_offset(canvas, -40, -30).click()
    actions.move_by_offset(40, 30).move_by_offset(20, 10).click().perform()
    [shape] = viewer.save_regions(OTHER)
    assert shape["@type"].endswith("#Rectangle") and shape["TheZ"] == shape["TheT"] == 0
    scale = viewer.browser.execute_script(f"return {PERCENT}") / 100
    assert shape["Width"] * scale == pytest.approx(60, abs=2)
    assert shape["Height"] * scale == pytest.approx(40, abs=2)

    # Opened anew, it is there, and its values are exported with it.
    viewer.open(OTHER)
    viewer.open_regions()
    viewer.click("#regions-tabs a", 1)
    counted = "document.querySelector('#roi-plane-grid').innerText.trim()"
    wait_for(viewer.browser, f"{counted}.includes('1')")
    viewer.click("#regions-tabs a", 0)
    viewer.click(".regions-table .regions-table-row")
    viewer.browser.execute_script(CATCH_EXPORT)
    viewer.click(".fixed-header .dropdown button", 1)
    viewer.browser.find_element(By.LINK_TEXT, "Export as Table (CSV)").click()
    [row] = csv.DictReader(wait_for(viewer.browser, "window.exported").splitlines())
    # Each column of the image has its number as its value.
    x, width = (float(shape[name]) for name in ("X", "Width"))
    assert float(row["min"]) == pytest.approx(x, abs=1)
    assert float(row["max"]) == pytest.approx(x + width, abs=1.5)
    assert float(row["mean"]) == pytest.approx(x + (width - 1) / 2, abs=1)
    assert int(row["points"]) == pytest.approx(width * shape["Height"], rel=0.15)

    viewer.click(".shape-delete-button")
    assert viewer.save_regions(OTHER, confirmed=True) == []


def test_a_pyramid_is_painted_from_its_levels(viewer):
    image = f"/webgateway/render_image_region/{viewer.ids[PYRAMID]}/0/0/?format=png"
    viewer.open(PYRAMID)
    # All of it fits at a quarter of its size.
    viewer.shows(viewer.picture(f"{image}&tile=2,0,0,750,550"))
    assert viewer.levels() == {"2"}
    before = viewer.browser.execute_script(f"return {PERCENT}")
    viewer.click(".ol-zoom-in")
    wait_for(viewer.browser, f"{PERCENT} > {before}")

    viewer.open(PYRAMID, "&x=1500&y=1100&zm=100")
    height, width = (side for side in wait_for_full(viewer).shape[:2])
    region = f"{1500 - width // 2},{1100 - height // 2},{width},{height}"
    viewer.shows(viewer.picture(f"{image}&region={region}"))
    assert "0" in viewer.levels()


def wait_for_full(viewer):
    """What is painted once it fills the canvas."""
    canvas = "document.querySelector('.viewer-container canvas')"
    until = time.monotonic() + WAIT_S
    while True:
        painted = viewer.painted()
        size = viewer.browser.execute_script(f"return [{canvas}.height, {canvas}.width]")
        if painted is not None and list(painted.shape[:2]) == size:
            return painted
        assert time.monotonic() < until, "the canvas is not filled"
        time.sleep(0.1)


def test_the_list_opens_images_in_it(viewer):
    viewer.browser.get(viewer.service.url("/"))
    links = """[...document.querySelectorAll('.card')].map((card) =>
        [...card.querySelectorAll('a')].map((a) => a.pathname + a.search))"""
    wait_for(viewer.browser, f"{links}.length === 3")
    for both in viewer.browser.execute_script(f"return {links}"):
        image_id = both[1].split("/")[2]
        assert both == [f"/iviewer/?images={image_id}", f"/image/{image_id}/"]
    wait_for(viewer.browser, "document.querySelectorAll('.card img').length === 3")
