import shutil

import pytest

from tests.browser.chromium import set_screen, wait_for
from tests.browser.conftest import SAMPLES
from tests.support.service import running

pytestmark = pytest.mark.slow

CARDS = """[...document.querySelectorAll('.card')].map((card) => ({
    id: Number(card.dataset.id),
    name: card.querySelector('.name').textContent,
    section: card.closest('section').getAttribute('aria-label'),
    facts: card.querySelector('.facts').textContent,
    width: card.querySelector('img')?.naturalWidth ?? 0,
    unreadable: card.classList.contains('unreadable'),
    href: card.querySelector('a').pathname,
}))"""

SETTLED = """(document.querySelectorAll('.card').length >= arguments[0]
    && [...document.querySelectorAll('.card')].every(
        (card) => card.classList.contains('unreadable') || card.querySelector('img')?.complete))"""


def cards_of(browser, service, count):
    browser.get(service.url("/"))
    wait_for(browser, SETTLED, count)
    return {card["name"]: card for card in browser.execute_script(f"return {CARDS}")}


def forget_what_the_broken_image_logs(browser, image_id):
    """Chromium logs each failed request; those for the broken image are meant to fail."""
    kept = [e for e in browser.get_log("browser") if f"imgData/{image_id}/" not in e["message"]]
    assert [entry for entry in kept if entry["level"] == "SEVERE"] == []


def test_each_sample_has_a_thumbnail_and_its_facts(browser, service, image_ids):
    cards = cards_of(browser, service, 8)
    for path in SAMPLES.glob("*.tif"):
        assert cards[path.name]["width"] > 50, f"{path.name} has no thumbnail"
    assert cards["worms.ome.tif"]["facts"] == "696 × 520 · 3 channels · uint16"
    assert cards["nuclei-3d.ome.tif"]["facts"] == "57 × 61 · 1 channel · 31 z · uint16"
    assert "21 t" in cards["embryo-timelapse.ome.tif"]["facts"]
    assert cards["pyramid.ome.tif"]["section"] == "more"
    assert cards["worms.ome.tif"]["href"] == f"/image/{image_ids['worms.ome.tif']}/"
    forget_what_the_broken_image_logs(browser, cards["broken.tif"]["id"])


def test_an_unreadable_image_is_shown_as_such(browser, service):
    card = cards_of(browser, service, 8)["broken.tif"]
    assert card["unreadable"]
    assert card["facts"].startswith("Unreadable: ")
    assert card["width"] == 0
    forget_what_the_broken_image_logs(browser, card["id"])


def test_the_filter_leaves_what_it_names(browser, service):
    broken = cards_of(browser, service, 8)["broken.tif"]
    browser.find_element("id", "filter").send_keys("WORM")
    visible = "[...document.querySelectorAll('.card')].filter((card) => card.offsetWidth > 0)"
    wait_for(browser, f"{visible}.length === 1")
    assert browser.execute_script(f"return {visible}[0].dataset.name") == "worms.ome.tif"
    forget_what_the_broken_image_logs(browser, broken["id"])


def test_a_card_opens_its_image(browser, service):
    broken = cards_of(browser, service, 8)["broken.tif"]
    forget_what_the_broken_image_logs(browser, broken["id"])
    browser.find_element("css selector", ".card[data-name='worms.ome.tif'] a").click()
    wait_for(browser, "document.title === 'worms.ome.tif · Blitzrender'")
    wait_for(browser, "document.querySelector('#stage').ariaBusy === 'false'")


def test_nothing_is_wider_than_a_phone(browser, service):
    set_screen(browser, 340, 700)
    broken = cards_of(browser, service, 8)["broken.tif"]
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 340
    forget_what_the_broken_image_logs(browser, broken["id"])


def test_an_image_that_comes_later_shows_up_on_an_empty_page(browser, tmp_path):
    folder, cache = tmp_path / "images", tmp_path / "cache"
    folder.mkdir()
    cache.mkdir()
    with running(folder, cache, workers=1, keepalive_s=1) as service:
        browser.get(service.url("/"))
        wait_for(browser, "document.querySelector('#status').textContent.startsWith('There is no')")
        shutil.copy(SAMPLES / "nuclei-3d.ome.tif", folder)
        wait_for(browser, "document.querySelectorAll('.card img').length === 1")


def test_a_list_that_is_opened_while_the_image_server_is_away_fills_itself(browser, service):
    service.image_server().kill()
    browser.get(service.url("/"))
    wait_for(browser, SETTLED, 8)
    readable = "[...document.querySelectorAll('.card:not(.unreadable)')]"
    wait_for(browser, f"{readable}.filter((card) => card.querySelector('img')).length === 7")
    failed = [e["message"] for e in browser.get_log("browser") if e["level"] == "SEVERE"]
    assert all(" 503 " in message or " 502 " in message for message in failed), failed
