"""The page in a real browser: by keyboard, on a phone, with hostile labels, without scripts."""

import re
import shutil
import subprocess
import sys
import time
from threading import Thread

import pytest
import uvicorn

from chromium import addresses_asked, needs_chromium, open_browser, set_width, sideways
from empathymodels.app import guard
from empathymodels.app import script as scripts
from empathymodels.app.desk import Desk
from empathymodels.app.guard import Guard
from empathymodels.app.serve import bound, write_entry
from empathymodels.app.session import RESULTS, Sessions
from empathymodels.app.site import application
from empathymodels.app.worker import Worker

pytestmark = needs_chromium
PHONE, DESK = 400, 1200  # pixels
TOKEN = "a-token-for-tests"
REPORT = "<title>A report</title><script>try { parent.document.cookie } catch {}</script>"
STAND_IN = f"""
import time
from pathlib import Path
print("Fitting prosocial_effort", flush=True)
time.sleep(3)
checks = "check,value,limit,passed,advice\\nR-hat,1.001,<= 1.01,True,\\n"
Path("prosocial_effort-checks.csv").write_text(checks)
Path("prosocial_effort.nc").write_bytes(b"a fit")
Path("report.html").write_text({REPORT!r})
"""


@pytest.fixture(scope="module")
def browser():
    driver = open_browser()
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where a server answers whose analyses are done after three seconds."""
    sessions = Sessions(tmp_path_factory.mktemp("analyses"))
    workers = {kind: Worker(kind, sessions) for kind in RESULTS}
    script, scripts.analysis_script = scripts.analysis_script, lambda choices: STAND_IN
    with bound(0) as listening:
        port = listening.getsockname()[1]
        guarded = Guard(application(Desk(sessions, workers)), port=port, token=TOKEN)
        server = uvicorn.Server(uvicorn.Config(guarded, log_level="warning"))
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        for worker in workers.values():
            worker.start()
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join()
    for worker in workers.values():
        worker.close()
    scripts.analysis_script = script


@pytest.fixture
def page(browser, address):
    browser.get("about:blank")
    browser.get_log("performance")
    enter(browser, f"{address}/?token={TOKEN}")
    browser.get_log("browser")
    return browser


def enter(browser, address):
    """Go in by an address, which is left at once for one without the token."""
    browser.get(address)
    wait(browser, lambda: browser.current_url.endswith("/") and element(browser, "model"))


def wait(page, condition, seconds=30):
    until = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except Exception as error:  # the page is just being replaced
            if time.monotonic() > until:
                raise error
        assert time.monotonic() < until, page.page_source
        time.sleep(0.1)


def element(page, name):
    return page.find_element("id", name)


def press(page, selector):
    """Press a button by keyboard, and wait for the page that follows."""
    from selenium.webdriver.common.keys import Keys

    page.execute_script("window.is_old = true")
    page.find_element("css selector", selector).send_keys(Keys.ENTER)
    wait(page, lambda: not page.execute_script("return window.is_old") and ready(page))


def ready(page):
    return page.execute_script("return document.readyState") == "complete"


def choose(page, field, value):
    from selenium.webdriver.support.ui import Select

    Select(element(page, field)).select_by_value(value)


def choose_column(page, field, name):
    from selenium.webdriver.support.ui import Select

    options = Select(element(page, field)).options
    next(option for option in options if option.text.startswith(name)).click()


def upload(page, messy, folder):
    file = folder / "my data.csv"
    file.write_bytes(messy)
    element(page, "trials").send_keys(str(file))
    choose(page, "model", "prosocial_effort")
    press(page, "form[action='/'] > p button")
    choose_column(page, "trials.participant.column", "Subject No")
    choose_column(page, "trials.work.column", "Choice")
    element(page, "trials.recipient.codes").send_keys("1=self, 2=other")


def assert_usable(page):
    """Fields have names for those who hear them, and no width makes the page scroll sideways."""
    page.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
    fields = "main input:not([type=hidden]), main select, main progress"
    for field in page.find_elements("css selector", fields):
        assert field.accessible_name, field.get_attribute("outerHTML")
    for width in (PHONE, DESK):
        set_width(page, width)
        assert sideways(page) == 0, width
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_from_tables_to_a_report_by_keyboard(page, address, messy, tmp_path):
    assert_usable(page)
    upload(page, messy, tmp_path)
    assert_usable(page)
    press(page, "main form > p button")
    assert page.current_url.endswith("/plan")
    assert_usable(page)
    element(page, "search").send_keys("sub-0")
    shown = [row for row in page.find_elements("css selector", ".people li") if row.is_displayed()]
    assert len(shown) == 3 and element(page, "search.found").text == "3 of 4"
    element(page, "left_out.2").click()
    element(page, "left_out_reason").send_keys("fell asleep")
    press(page, "button[name=analysis]")
    wait(page, lambda: element(page, "progress").get_attribute("data-state") == "started")
    assert "Being fitted." in element(page, "progress").text
    assert_usable(page)
    wait(page, lambda: element(page, "progress").get_attribute("data-state") == "done")
    assert "All 1 check passed." in element(page, "results").text
    assert_usable(page)
    assert page.execute_script("return window.broken") is None
    assert page.get_log("browser") == []
    element(page, "results").find_element("css selector", "a.button").click()
    wait(page, lambda: page.title == "A report")
    asked = {url for url in addresses_asked(page) if not url.startswith(("data:", "about:"))}
    assert {url for url in asked if not url.startswith(f"{address}/")} == set()


def test_a_table_is_exchanged_by_keyboard(page, messy, tmp_path):
    upload(page, messy, tmp_path)
    page.find_element("css selector", ".exchange summary").click()
    file = tmp_path / "newer.csv"
    file.write_bytes(messy.replace(b"Choice", b"work"))
    element(page, "trials").send_keys(str(file))
    press(page, ".exchange form > p button")
    assert "Trials: newer.csv" in page.find_element("tag name", "main").text
    chosen = element(page, "trials.work.column").find_element("css selector", "option:checked")
    assert chosen.text.startswith("work")
    assert_usable(page)
    assert page.get_log("browser") == []


def drop(page, element, *files):
    """Drop files or folders of this machine on an element, as from a file manager."""
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    place = "const place = arguments[0].getBoundingClientRect(); return [place.x + 9, place.y + 9]"
    x, y = page.execute_script(place, element)
    data = {"items": [], "files": list(map(str, files)), "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, "x": x, "y": y, "data": data}
        page.execute_cdp_cmd("Input.dispatchDragEvent", event)


def test_folders_are_dropped_and_columns_are_dragged(page, study_of_effort, tmp_path):
    from selenium.webdriver import ActionChains

    folder = tmp_path / "one per person"
    folder.mkdir()
    for number, (_, rows) in enumerate(study_of_effort.groupby("participant")):
        rows = rows.drop(columns="participant").rename(columns={"work": "Choice"})
        rows.to_csv(folder / f"VP{number + 8}.csv", index=False)
    (folder / "notes.docx").write_text("x")
    drop(page, page.find_element("css selector", "[data-drop=trials]"), folder)
    status = element(page, "trials.chosen")
    wait(page, lambda: "4 read:" in status.text)
    assert "Left out: 1 of other kinds." in status.text
    choose(page, "model", "prosocial_effort")
    press(page, "form[action='/'] > p button")
    assert "Trials: one per person, 4 files" in page.find_element("tag name", "main").text
    assert element(page, "file_names").get_attribute("value") == "VP{participant}.csv"
    assert_usable(page)
    # a column is dragged to where it belongs, with both in view
    page.set_window_size(DESK, 3000)
    chip = page.find_element("xpath", "//li[strong='Choice']")
    field = element(page, "trials.work.column")
    ActionChains(page).drag_and_drop(chip, field).perform()
    wait(page, lambda: "used" in chip.get_attribute("class"))
    assert field.find_element("css selector", "option:checked").text.startswith("Choice")
    press(page, "main form > p button")
    assert page.current_url.endswith("/plan")
    assert page.get_log("browser") == []


def test_a_data_set_is_dropped(page, study_of_effort, tmp_path):
    folder = tmp_path / "study"
    for number, (_, rows) in enumerate(study_of_effort.groupby("participant"), start=1):
        place = folder / f"sub-{number}" / "func"
        place.mkdir(parents=True)
        (place / f"sub-{number}_task-effort_bold.nii.gz").write_bytes(b"0" * 100)
        rows = rows.drop(columns=["participant", "trial"]).assign(duration=1)
        rows.insert(0, "onset", range(len(rows)))
        file = place / f"sub-{number}_task-effort_events.tsv"
        rows.to_csv(file, sep="\t", index=False)
    drop(page, page.find_element("css selector", "[data-drop=bids]"), folder)
    wait(page, lambda: "4 read:" in element(page, "bids.chosen").text)
    choose(page, "model", "prosocial_effort")
    press(page, "form[action='/'] > p button")
    assert "Data set: study" in page.find_element("tag name", "main").text
    press(page, "main form > p button")
    assert page.current_url.endswith("/plan")
    assert "4 rows of participants" in page.find_element("tag name", "main").text


def test_what_is_too_large_is_told_before_it_is_sent_and_after(page, tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "MOST", 1000)
    file = tmp_path / "large.csv"
    file.write_text("participant,trial\n" * 1000)
    page.execute_script("document.querySelector('[data-most]').dataset.most = 1000")
    element(page, "trials").send_keys(str(file))
    button = page.find_element("css selector", "form[action='/'] > p button")
    wait(page, lambda: "can be sent" in element(page, "size").text)
    assert not button.is_enabled()
    page.execute_script("arguments[0].disabled = false", button)
    choose(page, "model", "prosocial_effort")
    button.click()
    wait(page, lambda: "This is too large" in page.page_source)
    assert_usable(page)
    assert page.find_element("tag name", "h1").value_of_css_property("font-size") != "32px"


def test_a_file_leads_in(browser, address, tmp_path):
    """As the command opens it: no program has the token among its arguments."""
    browser.get(f"{address}/look.css")
    browser.delete_all_cookies()
    browser.get(f"{address}/")
    assert "This page needs its token" in browser.page_source
    write_entry(tmp_path / "open.html", f"{address}/?token={TOKEN}")
    enter(browser, (tmp_path / "open.html").as_uri())
    assert TOKEN not in browser.current_url


def test_what_is_wrong_is_read_first(page, messy, tmp_path):
    upload(page, messy, tmp_path)
    choose(page, "trials.reward.column", "")
    press(page, "main form > p button")
    fault = element(page, "fault")
    assert "reward" in fault.text
    assert page.switch_to.active_element == fault
    assert fault.get_attribute("role") == "alert"
    assert element(page, "trials.recipient.codes").get_attribute("value") == "1=self, 2=other"


def test_all_works_without_scripts(page):
    page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        choose(page, "study", "effort_for_others")
        choose(page, "model", "prosocial_effort")
        page.find_element("css selector", "form[action='/'] > p button").click()
        wait(page, lambda: page.current_url.endswith("/plan"))
        page.find_element("css selector", "button[name=analysis]").click()
        wait(page, lambda: page.current_url.endswith("/fit"))
        wait(page, lambda: "All 1 check passed." in element(page, "results").text)
    finally:
        page.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.slow
def test_a_laboratory_without_python(browser, messy, tmp_path):
    """The command, a messy table, a real design check and fit, the report and the script."""
    folder = tmp_path / "analyses"
    command = [sys.executable, "-m", "empathymodels", "app", "--no-browser", "--folder", folder]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        address = re.search(r"http://\S+", server.stderr.readline())[0]
        enter(browser, address)
        upload(browser, messy, tmp_path)
        press(browser, "main form > p button")
        press(browser, "button[name=design]")
        state = "return document.getElementById('design').dataset.design"
        wait(browser, lambda: browser.execute_script(state) in ("done", "failed"), 120)
        assert "checks" in element(browser, "design").text
        element(browser, "draws").send_keys("50")
        press(browser, "button[name=analysis]")
        state = "return document.getElementById('progress').dataset.state"
        wait(browser, lambda: browser.execute_script(state) in ("done", "failed"), 300)
        assert browser.execute_script(state) == "done", browser.page_source
        where = {"behavior": "allow", "downloadPath": str(tmp_path)}
        browser.execute_cdp_cmd("Browser.setDownloadBehavior", where)
        for name in ("report.html", "analysis.py", "prosocial_effort.nc"):
            browser.find_element("partial link text", name).click()
            wait(browser, (tmp_path / name).exists)
        server.terminate()
        assert "Stopped." in server.stderr.read()
    assert 'content="empathymodels"' in (tmp_path / "report.html").read_text()
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(tmp_path / "analysis.py", alone)
    shutil.copy(tmp_path / "my data.csv", alone / next(folder.rglob("trials_*.csv")).name)
    run = subprocess.run([sys.executable, "analysis.py"], cwd=alone, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    one, other = (next(place.rglob("*-estimates.csv")).read_text() for place in (folder, alone))
    assert one == other
