"""Debian's Chromium without a window, for pages that are tested in a real browser.

Selenium gets the paths of the browser and of its driver, so that it looks for none and loads none.
"""

import json
import shutil

import pytest

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
needs_chromium = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="no chromium with chromedriver on PATH (.ci/run installs them)"
)


def open_browser():
    """Start the browser, with logs of its console and of what it asks the network for."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    # no sandbox: it needs rights that containers lack; the pages are our own
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(DRIVER))


def addresses_asked(browser):
    """Return all addresses that pages have asked for since this was last looked at."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [event for event in events if event["method"] == "Network.requestWillBeSent"]
    return [event["params"]["request"]["url"] for event in sent]


def set_width(browser, width):
    """Show pages as wide as that, below 500 as on a phone."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def sideways(browser):
    """Return by how much a page is wider than what is shown."""
    root = "document.documentElement"
    return browser.execute_script(f"return {root}.scrollWidth - {root}.clientWidth")
