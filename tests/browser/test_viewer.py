import base64
import io
import json
import time
import urllib.request
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import set_screen, wait_for

pytestmark = pytest.mark.slow

PAINTED = "document.querySelector('#stage').ariaBusy === 'false'"
TILES = """performance.getEntriesByType('resource').map((entry) => entry.name)
    .filter((name) => name.includes('/render_image_region/'))"""


class Page:
    """The viewer, as one sees and works it."""

    def __init__(self, browser, service, ids):
        self.browser, self.service, self.ids = browser, service, ids

    def open(self, name, link=""):
        self.browser.get("about:blank")
        self.browser.get(self.service.url(f"/image/{self.ids[name]}/{link}"))
        self.wait()
        return self

    def wait(self):
        # Sliders and switches act after a moment.
        time.sleep(0.2)
        wait_for(self.browser, PAINTED)

    def pixels(self):
        """(height, width, 3) as painted."""
        text = self.browser.execute_script(
            "return document.querySelector('#picture').toDataURL('image/png')"
        )
        picture = Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2])))
        background = Image.new("RGBA", picture.size, "black")
        return np.asarray(Image.alpha_composite(background, picture.convert("RGBA")))[..., :3]

    def tiles(self):
        """The query of each tile asked for, in order."""
        urls = self.browser.execute_script(f"return {TILES}")
        return [
            {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
            | {"path": urlsplit(url).path, "url": url}
            for url in urls
        ]

    def levels(self):
        return [int(tile["tile"].split(",")[0]) for tile in self.tiles()]

    def find(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def channel(self, index):
        return self.browser.find_elements(By.CSS_SELECTOR, ".channel")[index]

    def set_value(self, node, value, event="input"):
        self.browser.execute_script(
            "arguments[0].value = arguments[1];"
            "arguments[0].dispatchEvent(new Event(arguments[2], {bubbles: true}))",
            node,
            str(value),
            event,
        )
        self.wait()


@pytest.fixture
def page(browser, service, image_ids):
    return Page(browser, service, image_ids)


def download(url):
    with urllib.request.urlopen(url) as answer:
        return np.asarray(Image.open(io.BytesIO(answer.read())).convert("RGB")).astype(int)


def assert_same_picture(one, other):
    assert one.shape == other.shape
    difference = np.abs(one.astype(int) - other.astype(int))
    # Two decoders of one JPEG may round differently.
    assert difference.mean() < 0.5
    assert difference.max() <= 12


def test_what_is_painted_is_what_the_rendering_url_gives(page):
    page.open("worms.ome.tif", "#zm=100&x=348&y=260")
    painted = page.pixels()
    height, width = painted.shape[:2]
    left, top = round(width / 2 - 348), round(height / 2 - 260)
    tiles = {tile["tile"]: tile["url"] for tile in page.tiles()}
    assert set(tiles) == {"0,0,0,512,512", "0,1,0,512,512", "0,0,1,512,512", "0,1,1,512,512"}
    for name, url in tiles.items():
        _, column, row, _, _ = map(int, name.split(","))
        expected = download(url)
        y, x = top + row * 512, left + column * 512
        assert_same_picture(painted[y : y + expected.shape[0], x : x + expected.shape[1]], expected)
    assert painted.max() > 100


def test_every_sample_paints_something(page):
    names = [name for name in page.ids if "/" not in name]
    assert len(names) == 6
    for name in names:
        page.open(name)
        assert page.pixels().max() > 40, f"{name} is black"


def test_a_channel_switched_off_leaves_the_picture(page):
    page.open("fly-cells.ome.tif")
    with_all = page.pixels()
    colors = [
        node.get_attribute("value")
        for node in page.browser.find_elements(By.CSS_SELECTOR, ".channel input[type=color]")
    ]
    assert colors == ["#ff0000", "#00ff00", "#0000ff"]
    page.channel(1).find_element(By.CSS_SELECTOR, ".shown input").click()
    page.wait()
    without_green = page.pixels()
    assert with_all[..., 1].mean() > without_green[..., 1].mean() * 3
    assert abs(with_all[..., 0].mean() - without_green[..., 0].mean()) < 3
    assert [entry.split("|")[0] for entry in page.tiles()[-1]["c"].split(",")] == ["1", "3"]


def test_zooming_in_asks_for_finer_levels_and_out_again_for_none(page):
    page.open("more/pyramid.ome.tif")
    assert set(page.levels()) == {2}
    for _ in range(4):
        page.find("#zoom-in").click()
    page.wait()
    assert page.find("#stage").get_attribute("data-level") == "0"
    assert page.levels()[-1] == 0
    asked = len(page.tiles())
    page.find("#fit").click()
    page.wait()
    assert page.find("#stage").get_attribute("data-level") == "2"
    assert len(page.tiles()) == asked, "tiles that were there are asked for again"


def test_levels_lie_over_each_other(page):
    # Checks of 16 pixels in the third channel, grey for JPEG's sake: 4 pixels at the coarsest
    # level, so that one pixel amiss shows.
    checks = "#c=3|0:1300$FFFFFF&x=1500&y=1100"
    page.open("more/pyramid.ome.tif", f"{checks}&zm=25")
    coarse = page.pixels()
    page.open("more/pyramid.ome.tif", f"{checks}&zm=50")
    fine = page.pixels()
    assert page.levels()[-1] == 2
    assert page.levels()[0] == 1
    y, x = coarse.shape[0] // 2, coarse.shape[1] // 2
    ours = coarse[y - 150 : y + 150, x - 200 : x + 200, 0].astype(float)
    theirs = fine[y - 300 : y + 300, x - 400 : x + 400, 0].astype(float)
    theirs = theirs.reshape(300, 2, 400, 2).mean(axis=(1, 3))
    correlation = np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]
    assert correlation > 0.97


def test_dragging_and_the_wheel_move_the_picture(page):
    page.open("more/pyramid.ome.tif", "#zm=100&x=1500&y=1100")
    stage = page.find("#stage")
    ActionChains(page.browser).click_and_hold(stage).move_by_offset(-200, 100).release().perform()
    wait_for(page.browser, "location.hash.includes('x=1700') && location.hash.includes('y=1000')")
    page.browser.execute_script(
        "arguments[0].dispatchEvent(new WheelEvent('wheel', {deltaY: 400, clientX: 450,"
        " clientY: 400, cancelable: true}))",
        stage,
    )
    wait_for(page.browser, "parseInt(document.querySelector('#zoom').textContent) < 60")
    page.wait()


def test_keys_move_and_zoom(page):
    page.open("more/pyramid.ome.tif", "#zm=100&x=1500&y=1100")
    stage = page.find("#stage")
    stage.send_keys(Keys.ARROW_RIGHT)
    wait_for(page.browser, "location.hash.includes('x=1560')")
    stage.send_keys("-")
    wait_for(page.browser, "document.querySelector('#zoom').textContent === '67 %'")
    stage.send_keys("0")
    wait_for(page.browser, "!location.hash.includes('zm=')")
    page.wait()


def test_two_fingers_zoom(page):
    page.open("more/pyramid.ome.tif", "#zm=50&x=1500&y=1100")
    fingers = """
        const stage = document.querySelector('#stage');
        const box = stage.getBoundingClientRect();
        const touch = (type, pointerId, x) => stage.dispatchEvent(new PointerEvent(type, {
            pointerId, clientX: box.left + x, clientY: box.top + 300, button: 0, bubbles: true}));
        stage.setPointerCapture = () => {};
        touch('pointerdown', 11, 400); touch('pointerdown', 12, 500);
        touch('pointermove', 12, 600);
        touch('pointerup', 11, 400); touch('pointerup', 12, 600);"""
    page.browser.execute_script(fingers)
    wait_for(page.browser, "document.querySelector('#zoom').textContent === '100 %'")
    page.wait()


def test_the_window_changes_the_picture_and_its_fields_agree(page):
    page.open("speckles.ome.tif")
    before = page.pixels().mean()
    end = page.channel(0).find_element(By.CSS_SELECTOR, ".handle.end")
    page.set_value(end, 200)
    assert page.pixels().mean() > before * 1.5
    window = page.tiles()[-1]["c"].split("|")[1].split("$")[0]
    fields = page.channel(0).find_elements(By.CSS_SELECTOR, ".fields input")
    assert ":".join(field.get_attribute("value") for field in fields) == window


def test_a_moving_slider_asks_for_few_pictures(page):
    page.open("speckles.ome.tif")
    per_picture = len(page.tiles())
    page.browser.execute_async_script(
        """
        const [handle, done] = arguments;
        let value = 1000;
        const timer = setInterval(() => {
            value -= 10;
            handle.value = String(value);
            handle.dispatchEvent(new Event('input', {bubbles: true}));
            if (value <= 400) { clearInterval(timer); done(); }
        }, 10);
        """,
        page.channel(0).find_element(By.CSS_SELECTOR, ".handle.end"),
    )
    page.wait()
    asked = len(page.tiles()) - per_picture
    assert 0 < asked <= 12 * per_picture
    assert (
        page.tiles()[-1]["c"]
        .split("|")[1]
        .startswith(
            page.channel(0)
            .find_elements(By.CSS_SELECTOR, ".fields input")[0]
            .get_attribute("value")
        )
    )


def test_inversion_greyscale_and_lookup_tables_change_the_picture(page):
    page.open("fly-cells.ome.tif")
    plain = page.pixels()
    page.find("#greyscale").click()
    page.wait()
    grey = page.pixels()
    assert page.tiles()[-1]["m"] == "g"
    assert np.abs(grey[..., 0].astype(int) - grey[..., 1]).max() <= 2
    page.channel(0).find_element(By.CSS_SELECTOR, ".check input").click()
    page.wait()
    assert json.loads(page.tiles()[-1]["maps"])[0]["inverted"] == {"enabled": True}
    assert page.pixels().mean() > grey.mean() * 2
    page.find("#reset").click()
    page.wait()
    assert_same_picture(page.pixels(), plain)
    tables = page.channel(0).find_element(By.CSS_SELECTOR, ".look, select")
    names = [node.get_attribute("value") for node in tables.find_elements(By.TAG_NAME, "option")]
    assert len(names) > 5
    page.set_value(tables, names[1], "change")
    assert page.tiles()[-1]["c"].split(",")[0].endswith(f"${names[1]}")
    assert np.abs(page.pixels().astype(int) - plain).mean() > 1


def test_family_and_coefficient_reach_the_rendering_url(page):
    page.open("speckles.ome.tif")
    family = page.channel(0).find_element(By.CSS_SELECTOR, "select[aria-label^=Family]")
    page.set_value(family, "polynomial", "change")
    coefficient = page.channel(0).find_element(By.CSS_SELECTOR, "[aria-label^=Coefficient]")
    assert coefficient.is_displayed()
    page.set_value(coefficient, 2)
    quantization = json.loads(page.tiles()[-1]["maps"])[0]["quantization"]
    assert quantization == {"family": "polynomial", "coefficient": 2}


def test_sections_and_projection(page):
    page.open("nuclei-3d.ome.tif")
    one = page.pixels()
    page.set_value(page.find("#axis-z input"), 0)
    assert page.tiles()[-1]["path"].endswith("/0/0/")
    assert np.abs(page.pixels().astype(int) - one).mean() > 1
    page.set_value(page.find("#projection select"), "intmax", "change")
    assert page.tiles()[-1]["p"] == "intmax|0:30"
    assert page.pixels().mean() > one.mean()
    page.set_value(page.find("#projection .end"), 5, "change")
    assert page.tiles()[-1]["p"] == "intmax|0:4"
    assert not page.find("#axis-z input").is_enabled()


def test_timepoints_can_be_projected_and_a_link_tells_it(page):
    page.open("embryo-timelapse.ome.tif")
    one = page.pixels()
    assert not page.find("#projection .over").is_displayed()
    page.set_value(page.find("#projection .kind"), "intmax", "change")
    tile = page.tiles()[-1]
    last = int(page.find("#axis-t input").get_attribute("max"))
    assert (tile["p"], tile["axis"]) == (f"intmax|0:{last}", "t")
    assert not page.find("#axis-t input").is_enabled()
    projected = page.pixels()
    assert projected.mean() > one.mean()
    wait_for(page.browser, "location.hash.includes('axis=t')")
    link = page.browser.execute_script("return location.hash")
    page.open("embryo-timelapse.ome.tif", link)
    assert_same_picture(page.pixels(), projected)


def test_auto_sets_the_window_to_the_values_that_are_shown(page):
    page.open("speckles.ome.tif", "#c=1|0:65535$FFFFFF")
    dark = page.pixels().mean()
    page.channel(0).find_element(By.CSS_SELECTOR, ".auto").click()
    wait_for(page.browser, "!location.hash.includes('65535')")
    page.wait()
    assert page.pixels().mean() > 3 * dark
    start, end = map(float, page.tiles()[-1]["c"].split("|")[1].split("$")[0].split(":"))
    path = f"/webgateway/render_image/{page.ids['speckles.ome.tif']}/0/0/?c=1&format=npy"
    with urllib.request.urlopen(page.service.url(path)) as answer:
        values = np.load(io.BytesIO(answer.read())).astype(float)
    outside = ((values < start) | (values > end)).mean()
    assert outside <= 0.0021
    low, high = np.percentile(values, [0.1, 99.9])
    allowed = 0.01 * np.ptp(values) + 1
    assert abs(start - low) <= allowed
    assert abs(end - high) <= allowed


def test_gamma_brightens_and_reset_takes_it_back(page):
    page.open("speckles.ome.tif")
    plain = page.pixels()
    page.set_value(page.find("#gamma"), 2, "change")
    assert page.tiles()[-1]["gamma"] == "2"
    assert page.pixels().mean() > plain.mean() * 1.2
    page.find("#reset").click()
    page.wait()
    assert page.find("#gamma").get_attribute("value") == "1"
    assert_same_picture(page.pixels(), plain)


def test_timepoints_play(page):
    page.open("embryo-timelapse.ome.tif")
    page.find("#play").click()
    wait_for(page.browser, "document.querySelector('#axis-t input').value >= 3")
    page.find("#play").click()
    page.wait()
    times = [int(tile["path"].split("/")[-2]) for tile in page.tiles()]
    assert {0, 1, 2, 3} <= set(times)
    stopped_at = page.find("#axis-t input").get_attribute("value")
    time.sleep(0.5)
    assert page.find("#axis-t input").get_attribute("value") == stopped_at


def test_a_link_shows_the_same_again(page):
    page.open("more/pyramid.ome.tif", "#zm=80&x=700&y=600")
    page.channel(2).find_element(By.CSS_SELECTOR, ".shown input").click()
    page.set_value(page.channel(0).find_element(By.CSS_SELECTOR, ".handle.start"), 300)
    page.channel(1).find_element(By.CSS_SELECTOR, ".check input").click()
    page.wait()
    picture, asked = page.pixels(), page.tiles()[-1]
    wait_for(page.browser, "location.hash.includes('maps')")
    link = page.browser.execute_script("return location.hash")
    page.open("more/pyramid.ome.tif", link)
    assert_same_picture(page.pixels(), picture)
    assert (page.tiles()[-1]["c"], page.tiles()[-1]["maps"]) == (asked["c"], asked["maps"])


def test_a_link_of_omero_web_is_understood(page):
    page.open("nuclei-3d.ome.tif", "?c=1|0:50$00FF00&m=c&z=4&p=normal")
    tile = page.tiles()[-1]
    assert tile["c"] == "1|0:50$00FF00"
    assert tile["path"].endswith("/3/0/")
    painted = page.pixels()
    assert painted[..., 1].max() > 100
    assert painted[..., 0].max() < 30


def test_the_scale_bar_is_as_long_as_it_says(page):
    page.open("more/pyramid.ome.tif", "#zm=100&x=1500&y=1100")
    length = page.find("#scale-bar .length").text
    assert length == "20 µm"
    assert page.find("#scale-bar .bar").size["width"] == 80


def test_an_unknown_or_unreadable_image_is_said(page, service):
    for image_id in (987654, page.ids["more/broken.tif"]):
        page.browser.get(service.url(f"/image/{image_id}/"))
        wait_for(page.browser, "!document.querySelector('#problem').hidden")
        assert len(page.find("#problem").text) > 10
    page.browser.get_log("browser")


def test_nothing_is_wider_than_a_phone(page):
    set_screen(page.browser, 340, 700, density=2)
    page.open("fly-cells.ome.tif")
    assert page.browser.execute_script("return document.documentElement.scrollWidth") <= 340
    assert page.find("#stage").size["height"] > 200
    assert page.find("#panel").size["width"] == 340
    assert page.pixels().max() > 40


def test_every_control_has_a_name(page):
    page.open("nuclei-3d.ome.tif")
    nameless = page.browser.execute_script(
        """return [...document.querySelectorAll('button, input, select, a')]
            .filter((node) => !(node.getAttribute('aria-label') || node.textContent.trim()
                || node.labels?.length))
            .map((node) => node.outerHTML)"""
    )
    assert nameless == []


def test_the_picture_comes_by_itself_when_the_image_server_is_back(page, service):
    page.open("embryo-timelapse.ome.tif")
    before = page.pixels()
    service.image_server().kill()
    page.set_value(page.find("#axis-t input"), 17)
    assert page.tiles()[-1]["path"].endswith("/0/17/")
    assert not page.find("#problem").is_displayed()
    assert np.abs(page.pixels().astype(int) - before).mean() > 1
    left = [entry["message"] for entry in page.browser.get_log("browser")]
    assert any(" 503 " in message for message in left)
    assert all(" 503 " in message for message in left), left


def test_tiles_no_longer_needed_are_cancelled_and_few_are_asked_for_at_a_time(page):
    page.open("more/pyramid.ome.tif")
    page.browser.execute_script(
        """
        const original = window.fetch;
        window.watched = {aborted: 0, most: 0, now: 0};
        window.fetch = async (url, options) => {
            watched.now += 1;
            watched.most = Math.max(watched.most, watched.now);
            let isOver = false;
            options.signal.addEventListener('abort', () => {
                if (!isOver) { watched.aborted += 1; watched.now -= 1; isOver = true; }
            });
            try {
                await new Promise((resolve) => setTimeout(resolve, 200));
                return await original(url, options);
            } finally {
                if (!isOver) { watched.now -= 1; isOver = true; }
            }
        };
        """
    )
    for _ in range(5):
        page.find("#zoom-in").click()
        time.sleep(0.1)
    page.find("#full-size").click()
    page.wait()
    watched = page.browser.execute_script("return watched")
    assert watched["aborted"] > 0
    assert 1 < watched["most"] <= 6
    assert page.pixels().max() > 40
