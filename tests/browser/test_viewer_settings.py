"""The viewer's controls of rendering settings, planes and projections, and links of them."""

import io
import json
import time
import urllib.request

import numpy as np
import pytest
from selenium.webdriver.common.by import By

from tests.browser.chromium import wait_for
from tests.browser.page import assert_same_picture

pytestmark = pytest.mark.slow


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
