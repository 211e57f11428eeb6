"""Takes the pictures of the README: `python -m tests.browser.screenshots`, with chromium."""

import io
import tempfile
import time
from pathlib import Path

from PIL import Image

from tests.browser.chromium import chromium, set_screen, wait_for
from tests.support.service import PROJECT, running

IMAGES = PROJECT / "docs" / "images"
MAX_BYTES = 400_000
MAX_IVIEWER_BYTES = 300_000
INDEX_SIZE = (1280, 660)
VIEWER_SIZE = (1280, 800)
IVIEWER_SIZE = (1100, 680)

#: Colours as the stains have them, windows without the empty upper part.
VIEW = "#c=1|0:150$3D6BFF,2|4:110$2FE07F,3|0:120$FF4F3D&m=c&zm=110&x=520&y=420"
IN_FIGURE = ("fly-cells.ome.tif", "worms.ome.tif")
IVIEW = "c=1|0:150$3D6BFF,2|4:110$2FE07F,3|0:120$FF4F3D&m=c"


def save(png: bytes, path: Path, most: int = MAX_BYTES) -> None:
    """Write a screenshot, with 256 colours where it would be too large otherwise."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.save(path, optimize=True)
    if path.stat().st_size > most:
        picture.quantize(256, kmeans=4, dither=Image.Dither.FLOYDSTEINBERG).save(
            path, optimize=True
        )
    if path.stat().st_size > most:
        raise SystemExit(f"{path.name} has {path.stat().st_size} bytes, more than {most}")


def main() -> None:
    """Write `index.png`, `viewer.png`, `iviewer.png` and `figure.png` of the samples."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as cache,
        tempfile.TemporaryDirectory() as profile,
        running(PROJECT / "samples", Path(cache), iviewer=False, figure=False) as service,
        chromium(Path(profile)) as browser,
    ):
        ids = service.image_ids(6)
        set_screen(browser, *INDEX_SIZE)
        browser.get(service.url("/"))
        shown = "document.querySelectorAll('.card img').length"
        wait_for(browser, f"{shown} === {len(ids)}")
        save(browser.get_screenshot_as_png(), IMAGES / "index.png")
        set_screen(browser, *VIEWER_SIZE)
        browser.get(service.url(f"/image/{ids['fly-cells.ome.tif']}/{VIEW}"))
        wait_for(browser, "document.querySelector('#stage').ariaBusy === 'false'")
        time.sleep(1)  # The histograms come a moment later.
        save(browser.get_screenshot_as_png(), IMAGES / "viewer.png")
    picture_of_iviewer()
    picture_of_figure()


def picture_of_iviewer() -> None:
    """Write `iviewer.png`; OMERO.iviewer has to be installed."""
    with (
        tempfile.TemporaryDirectory() as cache,
        tempfile.TemporaryDirectory() as profile,
        running(PROJECT / "samples", Path(cache)) as service,
        chromium(Path(profile)) as browser,
    ):
        ids = service.image_ids(6)
        set_screen(browser, *IVIEWER_SIZE, scheme="light")
        browser.get(service.url(f"/iviewer/?images={ids['fly-cells.ome.tif']}&{IVIEW}"))
        listed = "[...document.querySelectorAll('.thumbnail-wrapper img')]"
        wait_for(browser, f"{listed}.length === {len(ids)} && {listed}.every((i) => i.complete)")
        browser.find_elements("css selector", ".checkbox-settings input")[1].click()
        lines = "[...document.querySelectorAll('.histogram svg path')]"
        wait_for(browser, f"{lines}.some((path) => path.getAttribute('d')?.length > 500)")
        time.sleep(2)  # Its pictures come into view slowly.
        save(browser.get_screenshot_as_png(), IMAGES / "iviewer.png", MAX_IVIEWER_BYTES)


def picture_of_figure() -> None:
    """Write `figure.png`; OMERO.figure has to be installed."""
    with (
        tempfile.TemporaryDirectory() as cache,
        tempfile.TemporaryDirectory() as profile,
        running(PROJECT / "samples", Path(cache)) as service,
        chromium(Path(profile)) as browser,
    ):
        ids = service.image_ids(6)
        set_screen(browser, *VIEWER_SIZE, scheme="light")
        images = "&".join(f"image={ids[name]}" for name in IN_FIGURE)
        browser.get(service.url(f"/figure/new/?{images}"))
        panels = "[...document.querySelectorAll('.imagePanel .img_panel')]"
        painted = f"{panels}.filter((panel) => panel.complete && panel.naturalWidth).length"
        wait_for(browser, f"{painted} === {len(IN_FIGURE)}")

        browser.execute_script("figureModel.setSelected(figureModel.panels.first(), true)")
        time.sleep(2)  # The panel's settings come a moment later.
        save(browser.get_screenshot_as_png(), IMAGES / "figure.png", MAX_IVIEWER_BYTES)


if __name__ == "__main__":
    main()
