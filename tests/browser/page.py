"""The viewer's page, as one sees and works it."""

import base64
import io
import time
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image
from selenium.webdriver.common.by import By

from tests.browser.chromium import wait_for

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


def assert_same_picture(one, other):
    assert one.shape == other.shape
    difference = np.abs(one.astype(int) - other.astype(int))
    # Two decoders of one JPEG may round differently.
    assert difference.mean() < 0.5
    assert difference.max() <= 12
