"""What the viewer paints, how one moves in it, and what it asks for."""

import io
import time
import urllib.request

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.chromium import set_screen, wait_for
from tests.browser.page import assert_same_picture

pytestmark = pytest.mark.slow


def download(url):
    with urllib.request.urlopen(url) as answer:
        return np.asarray(Image.open(io.BytesIO(answer.read())).convert("RGB")).astype(int)


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
