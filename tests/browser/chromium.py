"""Debian's Chromium without a window, driven through WebDriver."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=en",
)


def chromium_path() -> str | None:
    """Give the browser's program, or None when it or its driver is not installed."""
    return shutil.which("chromium") if shutil.which("chromedriver") else None


@contextmanager
def chromium(profile: Path) -> Iterator[webdriver.Chrome]:
    """Run a browser with a fresh profile and end it."""
    program, driver = chromium_path(), shutil.which("chromedriver")
    if program is None:
        raise RuntimeError("chromium and chromium-driver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(driver))
    try:
        browser.set_page_load_timeout(60)
        yield browser
    finally:
        browser.quit()


def set_screen(
    browser: webdriver.Chrome, width: int, height: int, *, scheme: str = "dark", density: float = 1
) -> None:
    """Pretend a screen of that size, density and preferred colour scheme."""
    media = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    metrics = {"width": width, "height": height, "deviceScaleFactor": density, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def wait_for(browser: webdriver.Chrome, expression: str, *arguments: Any) -> Any:
    """Wait until a JavaScript expression is true, and give its value."""
    return WebDriverWait(browser, 30, poll_frequency=0.05).until(
        lambda _: browser.execute_script(f"return {expression}", *arguments),
        f"this did not become true: {expression}",
    )
