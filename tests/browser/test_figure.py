"""The unmodified OMERO.figure, worked as people work it; what it paints is looked at."""

import io
import time
import urllib.request
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
import pytest
import tifffile
from PIL import Image
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser.chromium import wait_for
from tests.browser.compared import CHANGED, SAME, difference, write_cells
from tests.support.figure import needs_figure
from tests.support.service import running

pytestmark = [pytest.mark.slow, needs_figure]

CELLS, LARGE = "cells.ome.tif", "large.ome.tif"
WAIT_S = 30
NOT_YET = (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)
#: Channels of the cells and their colours, as the page finds them.
DEFAULT = {1: "FF0000", 2: "00FF00"}

PANEL = ".imagePanel .img_panel"
BOX = """(({left, top, right, bottom}) => [left, top, right, bottom])(
    document.querySelectorAll('.imagePanel')[arguments[0]].getBoundingClientRect())"""
REQUESTS = "performance.getEntriesByType('resource').map((entry) => entry.name)"
PAINTED = f"""[...document.querySelectorAll('{PANEL}')]
    .filter((one) => one.complete && one.naturalWidth).length"""


def write_large(path):
    """More pixels than the page shows as a whole, smooth and nowhere the same, in three levels."""
    y, x = np.mgrid[0:3000, 0:3600]
    plane = (x // 24 + 100 * (y > 1500) * (x < 1800)).astype(np.uint8)
    options = {"tile": (512, 512), "photometric": "minisblack", "compression": "zlib"}
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(plane, subifds=2, metadata={"axes": "YX"}, **options)
        for step in (2, 4):
            file.write(plane[::step, ::step], subfiletype=1, **options)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    write_cells(folder / CELLS)
    write_large(folder / LARGE)
    # Connections that the browser keeps must not hold up the end.
    with running(folder, tmp_path_factory.mktemp("cache"), workers=1, keepalive_s=1) as service:
        yield service


@pytest.fixture(scope="module")
def ids(served):
    return served.image_ids(2)


class Page:
    """OMERO.figure in the browser, and what it should paint according to the service."""

    def __init__(self, browser, service, ids):
        self.browser, self.service, self.ids = browser, service, ids

    def open(self, path):
        # One that is left with changes would ask whether to leave it.
        self.browser.execute_script("window.onbeforeunload = null")
        self.browser.get("about:blank")
        self.browser.get(self.service.url(f"/figure/{path}"))
        wait_for(self.browser, "typeof figureModel === 'object'")
        return self

    def begin(self, *names):
        """Begin a figure with images, and wait until their panels are there."""
        images = "&".join(f"image={self.ids[name]}" for name in names)
        self.open(f"new/?{images}")
        wait_for(self.browser, f"{PAINTED} === {len(names)}")
        return self

    def picture(self, path):
        """A picture by its address, (height, width, 3)."""
        address = self.service.url(quote(path, safe="/?=&"))
        with urllib.request.urlopen(address, timeout=60) as answer:
            return np.asarray(Image.open(io.BytesIO(answer.read())).convert("RGB"))

    def plane(self, colors=DEFAULT, more=""):
        """The middle section of the cells in colours by channel, with the windows as stored."""
        image = self.ids[CELLS]
        channels = self.service.get_json(f"/webgateway/imgData/{image}/channels/")
        windows = [channel["window"] for channel in channels]
        c = ",".join(
            f"{n}|{windows[n - 1]['start']}:{windows[n - 1]['end']}${color}"
            for n, color in colors.items()
        )
        return self.picture(f"/webgateway/render_image/{image}/1/0/?format=png&c={c}&m=c{more}")

    def painted(self, index=0):
        """A panel as it stands on the page."""
        # The paper is shown smaller than it is, and so are the panels.
        box = self.browser.execute_script(f"return {BOX}", index)
        screen = Image.open(io.BytesIO(self.browser.get_screenshot_as_png()))
        return np.asarray(screen.convert("RGB").crop([round(side) for side in box]))

    def shows(self, expected, index=0):
        """Wait until a panel is painted, all of it."""
        wait_for(self.browser, f"document.querySelectorAll('.imagePanel').length > {index}")
        until = time.monotonic() + WAIT_S
        while True:
            found = difference(inner(self.painted(index)), inner(expected))
            if found < SAME:
                return
            assert time.monotonic() < until, f"painted differs by {found:.1f} from what it should"
            time.sleep(0.1)

    def click(self, selector, index=0):
        """Click what may just be made anew, or come into view."""
        until = time.monotonic() + WAIT_S
        while True:
            wait_for(self.browser, f"document.querySelectorAll({selector!r}).length > {index}")
            try:
                self.browser.find_elements(By.CSS_SELECTOR, selector)[index].click()
                return
            except (*NOT_YET, IndexError):
                assert time.monotonic() < until, f"{selector} cannot be clicked"
                time.sleep(0.05)

    def answer(self, text=None):
        """Answer what the page asks in a window of the browser's own."""
        question = WebDriverWait(self.browser, WAIT_S).until(expected_conditions.alert_is_present())
        if text is not None:
            question.send_keys(text)
        question.accept()

    def asked(self, word):
        """The queries of what was asked for, by a word in the address."""
        urls = self.browser.execute_script(f"return {REQUESTS}")
        return [parse_qs(urlsplit(url).query) for url in urls if word in url]


def inner(picture):
    """A picture without its margin, over which lies the frame of what is selected."""
    height, width = picture.shape[0] // 8, picture.shape[1] // 8
    return picture[height:-height, width:-width]


@pytest.fixture
def page(browser, served, ids):
    yield Page(browser, served, ids)
    browser.execute_script("window.onbeforeunload = null")
    # What is still under way would be told as failed when the service has ended.
    browser.get("about:blank")


def test_the_page_welcomes(page):
    page.open("")
    welcome = "document.querySelector('#welcomeModal.show') !== null"
    wait_for(page.browser, welcome)
    # Its icons come from the package.
    wait_for(page.browser, "document.fonts.check('16px bootstrap-icons')")


def test_a_panel_is_painted_and_follows_channels_colours_and_tables(page):
    page.begin(CELLS)
    before = page.plane()
    page.shows(before)
    # Each step: what is done, and the settings that it comes to.
    page.click(".channel-btn", 1)
    page.shows(one := page.plane({1: "FF0000"}))
    assert difference(before, one) > CHANGED

    page.click("#channel_sliders .dropdown-toggle", 0)
    page.click("#channel_sliders .dropdown-menu.show a[data-color='00FFFF']")
    page.shows(cyan := page.plane({1: "00FFFF"}))
    assert difference(one, cyan) > CHANGED

    page.click("#channel_sliders .dropdown-toggle", 0)
    page.click("#channel_sliders .dropdown-menu.show a[data-color='lutpicker']")
    page.click("#lutpickerModal .lutOption[data-lut='fire.lut']")
    page.click("#lutpickerModal button[type='submit']")
    page.shows(fire := page.plane({1: "fire.lut"}))
    assert difference(cyan, fire) > CHANGED

    page.click("#channel_sliders .dropdown-toggle", 0)
    page.click("#channel_sliders .dropdown-menu.show a[data-color='reverse']")
    reversed_ = '&maps=[{"reverse":{"enabled":true}}]'
    page.shows(inverted := page.plane({1: "fire.lut"}, reversed_))
    assert difference(fire, inverted) > CHANGED


def test_a_projection_is_painted(page):
    page.begin(CELLS)
    projected = page.plane(more="&p=intmax|0:2")
    assert difference(page.plane(), projected) > CHANGED
    page.click(".z-projection")
    page.shows(projected)


def test_a_large_image_is_painted_by_its_region(page):
    page.begin(LARGE)
    page.shows(page.picture(f"/webgateway/render_thumbnail/{page.ids[LARGE]}/512/"))
    [asked] = page.asked("render_scaled_region")[:1]
    x, y, width, height = (int(part) for part in asked["region"][0].split(","))
    # Half as much again as is seen, so that it reaches beyond the image.
    assert (x, y) < (0, 0) and width == height > 3600
    assert page.asked("/render_image/") == []
    page.browser.execute_script(
        "figureModel.panels.first().cropToRoi({x: 1500, y: 1300, width: 400, height: 400})"
    )
    region = f"/webgateway/render_image_region/{page.ids[LARGE]}/0/0/?region=1500,1300,400,400"
    page.shows(page.picture(region))


def test_two_images_make_two_panels(page):
    page.begin(CELLS, LARGE)
    page.browser.execute_script("figureModel.clearSelected()")
    names = page.browser.execute_script("return figureModel.panels.pluck('name')")
    page.shows(page.plane(), names.index(CELLS))
    thumbnail = f"/webgateway/render_thumbnail/{page.ids[LARGE]}/512/"
    page.shows(page.picture(thumbnail), names.index(LARGE))


def test_a_figure_is_saved_listed_opened_again_changed_and_deleted(page):
    page.begin(CELLS)
    page.click(".channel-btn", 1)
    page.shows(one := page.plane({1: "FF0000"}))
    page.click(".save_figure.btn")
    page.answer("Mäuse <b>1</b>")
    wait_for(page.browser, "location.pathname.startsWith('/figure/file/')")
    wait_for(page.browser, "figureModel.get('unsaved') === false")
    number = page.browser.execute_script("return figureModel.get('fileId')")
    [saved] = page.service.get_json("/figure/list_web_figures/")
    assert (saved["id"], saved["name"]) == (number, "Mäuse <b>1</b>")
    assert page.browser.current_url == page.service.url(f"/figure/file/{number}")

    # From the list, which shows it with its picture.
    page.open("open/")
    row = "#openFigureModal tbody tr"
    wait_for(page.browser, f"document.querySelector('{row}') !== null")
    assert "Mäuse <b>1</b>" in page.browser.find_element(By.CSS_SELECTOR, row).text
    wait_for(page.browser, f"document.querySelector('{row} img')?.naturalWidth > 20")
    page.click(f"{row} a")
    wait_for(page.browser, f"figureModel.get('fileId') === {number}")
    page.shows(one)
    assert page.browser.execute_script("return figureModel.get('canEdit')") is True

    # Changed, it is saved under the same number and name, without a question.
    page.browser.execute_script("figureModel.panels.first().set('selected', true)")
    page.browser.execute_script("figureModel.notifySelectionChange()")
    page.click(".channel-btn", 1)
    page.shows(both := page.plane())
    assert difference(one, both) > CHANGED
    wait_for(page.browser, "figureModel.get('unsaved')")
    page.click(".save_figure.btn")
    wait_for(page.browser, "figureModel.get('unsaved') === false")
    page.open(f"file/{number}")
    page.shows(both)
    assert [one["id"] for one in page.service.get_json("/figure/list_web_figures/")] == [number]

    page.click(".navbar .dropdown-toggle", 0)
    page.click(".delete_figure a")
    page.answer()
    wait_for(page.browser, "document.querySelector('#welcomeModal.show') !== null")
    assert page.service.get_json("/figure/list_web_figures/") == []


def test_links_lead_there_from_the_list_of_images(page):
    page.browser.get(page.service.url("/"))
    page.click(f".card[data-id='{page.ids[CELLS]}'] a[title*='OMERO.figure']")
    wait_for(page.browser, f"{PAINTED} === 1")
    page.shows(page.plane())
    page.open("")
    page.browser.get(page.service.url("/"))
    page.browser.find_element(By.LINK_TEXT, "OMERO.figure").click()
    wait_for(page.browser, "document.querySelector('#welcomeModal.show') !== null")
