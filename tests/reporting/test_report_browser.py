"""Reports in a real browser."""

import time

import pytest
from PIL import Image

import empathymodels as em
from chromium import addresses_asked, needs_chromium, open_browser, set_width, sideways

pytestmark = needs_chromium
SECTIONS = (
    *("models", "data", "priors", "diagnostics", "estimates", "predictions", "comparison"),
    *("sensitivity", "settings", "methods", "references"),
)
HOSTILE = "<script>window.broken = true</script>"
IMAGE = "<img src=x onerror='window.broken = true'>"
PHONE, DESK = 390, 1200  # pixels


@pytest.fixture(scope="module")
def browser():
    driver = open_browser()
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def path(own_model, own_study, tmp_path_factory):
    """A report on people, groups and a question that would run on a careless page."""
    ids = {"P01": HOSTILE, "P02": IMAGE}
    people = own_study.participants.replace({"participant": ids, "group": {"out": HOSTILE}})
    trials = own_study.trials.replace({"participant": ids})
    study = em.Study(trials=trials, participants=people, name=IMAGE, simulated=True)
    settings = {"covariates": {"baseline": "group"}, "method": "laplace", "seed": 1}
    fits = {
        "slope": em.fit(own_model, study, draws=100, **settings),
        HOSTILE: em.fit(own_model.rival("no_slope"), study, draws=100, **settings),
    }
    path = tmp_path_factory.mktemp("browser") / "report.html"
    return em.report(fits, path, question=f"Why {HOSTILE}?", draws=20)


@pytest.fixture
def page(browser, path):
    browser.get("about:blank")
    browser.get_log("performance")
    browser.get(path.as_uri())
    return browser


def column(page, table, at):
    """Return the values that the cells of a column are sorted by, from the top."""
    script = (
        "return [...arguments[0].tBodies[0].rows].map(r => r.cells[arguments[1]].dataset.value)"
    )
    return page.execute_script(script, table, at)


def test_sections_are_present_and_equations_are_drawn(page):
    found = page.find_elements("css selector", "main > section")
    assert [section.get_attribute("id") for section in found] == list(SECTIONS)
    assert all(section.is_displayed() and section.size["height"] > 60 for section in found)
    equation = page.find_element("css selector", "#models math[display=block]")
    assert equation.size["height"] > 15
    assert "Normal" in equation.text


def test_the_console_is_silent_and_nothing_is_requested(page, path):
    page.execute_script("window.scrollTo(0, document.body.scrollHeight)")
    asked = addresses_asked(page)
    assert path.as_uri() in asked
    assert {url.split(":")[0] for url in asked if url != path.as_uri()} <= {"data", "about"}
    assert page.get_log("browser") == []


def test_hostile_labels_do_nothing(page):
    assert page.execute_script("return window.broken") is None
    assert len(page.find_elements("css selector", "script")) == 1
    assert page.find_element("css selector", "h1").text == f"Why {HOSTILE}?"
    cells = page.find_elements("css selector", "#estimates .sortable tbody td:first-child")
    assert {HOSTILE, IMAGE} <= {cell.text for cell in cells}


def test_what_is_put_in_later_may_not_run_either(page):
    """The page's own policy stops scripts, should one ever get in."""
    script = (
        "const s = document.createElement('script'); s.textContent = 'window.late = true';"
        "document.body.append(s); document.body.insertAdjacentHTML("
        "'beforeend', '<img src=x onerror=\"window.late = true\">')"
    )
    page.execute_script(script)
    assert page.execute_script("return window.late") is None
    page.get_log("browser")  # in which the policy has told of both


def test_pictures_are_whole(page):
    images = page.find_elements("css selector", "img")
    assert len(images) >= 2 * 3
    script = "return arguments[0].complete && arguments[0].naturalWidth > 100"
    assert all(page.execute_script(script, image) for image in images)
    assert all(len(image.get_attribute("alt")) > 20 for image in images)


def test_tables_sort_by_numbers_and_back(page):
    table = page.find_element("css selector", "#estimates table.sortable")
    heading = table.find_elements("css selector", "thead th")[1]
    before = [float(value) for value in column(page, table, 1)]
    assert before != sorted(before)
    heading.find_element("css selector", "button").click()
    assert [float(value) for value in column(page, table, 1)] == sorted(before)
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.find_element("css selector", "button").click()
    assert [float(value) for value in column(page, table, 1)] == sorted(before, reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"
    assert len(column(page, table, 0)) == 24
    assert table.find_element("css selector", "tfoot td").text == "mean shrinkage"


def test_tables_sort_by_keyboard_and_one_column_at_a_time(page):
    from selenium.webdriver.common.keys import Keys

    table = page.find_element("css selector", "#estimates table.sortable")
    first, second = table.find_elements("css selector", "thead button")[:2]
    second.send_keys(Keys.ENTER)
    first.send_keys(Keys.SPACE)
    assert column(page, table, 0)[-22:] == [f"P{k:02}" for k in range(3, 25)]
    sorts = [h.get_attribute("aria-sort") for h in table.find_elements("css selector", "th")]
    assert sorts == ["ascending", "none", "none"]


def test_numbers_are_not_sorted_as_text(page):
    table = page.find_element("css selector", "#estimates table.sortable")
    values = ["10", "9", "-1", "-20", "1e-05", ""]
    script = (
        "[...arguments[0].tBodies[0].rows].slice(6).forEach(row => row.remove());"
        "[...arguments[0].tBodies[0].rows].forEach((row, k) => {"
        "row.cells[1].dataset.value = arguments[1][k]})"
    )
    page.execute_script(script, table, values)
    table.find_elements("css selector", "thead button")[1].click()
    assert column(page, table, 1) == ["-20", "-1", "1e-05", "9", "10", ""]


def test_missing_values_stay_last(page):
    table = page.find_element("css selector", "#estimates table.sortable")
    page.execute_script("arguments[0].tBodies[0].rows[3].cells[1].dataset.value = ''", table)
    button = table.find_elements("css selector", "thead button")[1]
    for _ in range(2):
        button.click()
        assert column(page, table, 1).index("") == 23


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_page_never_scrolls_sideways(page, width):
    set_width(page, width)
    try:
        assert sideways(page) == 0
        shown = page.execute_script("return document.documentElement.clientWidth")
        assert shown <= width  # a scroll bar takes some
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_paper_has_nothing_to_press(page):
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not page.find_element("css selector", "nav").is_displayed()
        assert not page.find_element("css selector", ".hint").is_displayed()
        assert not page.find_element("css selector", ".save").is_displayed()
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_pictures_are_saved_as_png(page, tmp_path):
    where = {"behavior": "allow", "downloadPath": str(tmp_path)}
    page.execute_cdp_cmd("Browser.setDownloadBehavior", where)
    pictures = page.find_elements("css selector", "figure img")
    buttons = page.find_elements("css selector", "figure .save")
    assert len(buttons) == len(pictures) > 3
    assert buttons[2].accessible_name == f"Save as PNG: {pictures[2].get_attribute('alt')}"
    buttons[2].send_keys(" ")
    saved, until = tmp_path / "picture-3.png", time.monotonic() + 20
    while not saved.exists() and time.monotonic() < until:
        time.sleep(0.1)
    with Image.open(saved) as image:
        size = [2 * int(pictures[2].get_dom_attribute(side)) for side in ("width", "height")]
        assert image.format == "PNG" and list(image.size) == size
        assert len(image.convert("L").getcolors(256)) > 10  # something is drawn
    assert page.get_log("browser") == []
