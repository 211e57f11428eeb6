import time

import numpy as np
import pytest
from selenium.webdriver.common.by import By

from tests.browser.chromium import wait_for

pytestmark = pytest.mark.slow

NAME = "speckles.ome.tif"
TOLD = "document.querySelector('#told').textContent"


@pytest.fixture
def page(page, browser, image_ids):
    yield page
    # Other tests see the image as it was at first.
    browser.execute_async_script(
        "fetch('/webgateway/resetRDef/', {method: 'POST',"
        "body: new URLSearchParams({toids: arguments[0]})}).then(arguments[1])",
        str(image_ids[NAME]),
    )


def test_saved_settings_are_there_when_the_page_is_opened_again(page):
    first = page.open(NAME).pixels()
    channel = page.channel(0)
    end = channel.find_element(By.CSS_SELECTOR, ".handle.end")
    page.set_value(end, 200)
    page.set_value(page.find("#gamma"), 2, "change")
    changed = page.pixels()
    assert not np.array_equal(changed, first)
    page.find("#save").click()
    wait_for(page.browser, f"{TOLD} === 'Settings saved'")
    told = page.service.get_json(f"/webgateway/imgData/{page.ids[NAME]}/channels.0/")
    fields = page.channel(0).find_elements(By.CSS_SELECTOR, ".fields input")
    assert told["window"]["end"] == float(fields[1].get_attribute("value"))
    assert (told["family"], told["coefficient"]) == ("polynomial", 0.5)
    # Opened anew, without what the address says.
    page.open(NAME)
    assert np.array_equal(page.pixels(), changed)
    page.find("#defaults").click()
    page.wait()
    assert np.array_equal(page.pixels(), first)
    page.find("#reset").click()
    page.wait()
    assert np.array_equal(page.pixels(), changed)


def test_what_cannot_be_saved_is_told(page):
    page.open(NAME)
    page.browser.execute_script(
        "const ask = window.fetch; window.fetch = (url, options) => "
        "ask(options?.method === 'POST' ? url.replace('c=', 'x=') : url, options)"
    )
    page.find("#save").click()
    wait_for(page.browser, f"{TOLD}.startsWith('Rendering settings must specify')")
    # The browser itself complains of the status, too.
    time.sleep(0.2)
    page.browser.get_log("browser")
