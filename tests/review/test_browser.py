"""The whole round in a real browser: by keys on a desk, by buttons on a phone; two windows; hostile names."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.data.coco_rows import content, image
from tests.review.room import HOSTILE, ROWS, write
from tests.review.test_serve import NEEDED, running

pytest.importorskip("selenium", reason="selenium is not installed: pip install 'contrastmask[test]'")

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

PROGRAMS = [shutil.which(name) for name in ("chromium", "chromedriver")]
pytestmark = [NEEDED, pytest.mark.skipif(None in PROGRAMS, reason="no chromium and chromedriver are installed")]
DESK, PHONE = (1280, 800, False), (390, 780, True)


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = PROGRAMS[0]
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for word in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"):
        options.add_argument(word)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # which chromium refuses to run without as root
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(PROGRAMS[1]))
    yield found
    found.quit()


class Person:
    """Somebody at a window."""

    def __init__(self, driver: webdriver.Chrome, address: str, screen: tuple[int, int, bool] = DESK) -> None:
        self.driver = driver
        width, height, mobile = screen
        settings = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", settings)
        driver.get_log("browser")
        driver.get(address)
        self.wait(lambda: self.of("main > *"))

    def of(self, selector: str) -> list[Any]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def wait(self, met: Callable[[], Any]) -> Any:
        return WebDriverWait(self.driver, 30, 0.02).until(lambda _: met())

    def sees(self) -> int | None:
        """Annotation id of what is shown."""
        script = "return document.querySelector('main .object')?.dataset.place ?? null"
        place = self.driver.execute_script(script)
        return None if place is None else ROWS[int(place)]["id"]

    def text(self, selector: str) -> str:
        return self.driver.execute_script("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def key(self, *keys: str) -> None:
        for key in keys:
            # a key that is pressed while an answer is awaited does nothing: the object is not there yet
            self.wait(lambda: not self.of("body.busy"))
            ActionChains(self.driver).send_keys(key).perform()

    def press(self, what: str) -> None:
        self.click(f"[data-do={what}]")

    def click(self, selector: str) -> None:
        self.wait(lambda: not self.of("body.busy"))
        element = self.of(selector)[0]
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def expect(self, id_: int | None) -> None:
        self.wait(lambda: self.sees() == id_ and not self.of("body.busy"))

    def state(self) -> dict[str, str]:
        return self.driver.execute_script("return {...document.querySelector('main').dataset}")

    def picture_problems(self) -> list[str]:
        """Pictures in sight that the browser could not decode."""
        script = """const done = arguments[0], bad = [];
            const seen = [...document.querySelectorAll("figure image")].filter(i => i.checkVisibility());
            Promise.all(seen.map(i => i.decode().catch(() => bad.push(i.getAttribute("href")))))
                .then(() => done([seen.length, bad]));"""
        number, bad = self.driver.execute_async_script(script)
        assert number == 2
        return bad

    def leave(self) -> None:
        """Nothing was complained of, and nothing came from elsewhere."""
        assert [entry for entry in self.driver.get_log("browser") if entry["level"] != "INFO"] == []
        script = "return performance.getEntriesByType('resource').map(e => e.name)"
        here = self.driver.current_url
        assert [name for name in self.driver.execute_script(script) if not name.startswith(here)] == []


def test_the_whole_round_by_keys(driver: webdriver.Chrome, tmp_path: Path) -> None:
    rows = [dict(one) for one in ROWS]
    rows[3]["segmentation_rejected"] = {"segmentation": [[25, 6, 32, 6, 32, 14]]}
    write(tmp_path, rows)
    with running(tmp_path) as (_, address, _):
        me = Person(driver, address)
        me.expect(4)
        assert me.text("main h2 bdi") == "dog"
        assert me.picture_problems() == []
        visible = """return [...document.querySelectorAll(arguments[0])]
            .filter(i => getComputedStyle(i).display !== "none").length"""
        switches = {"f": ("draw", "outline fill"), "n": ("beside", "off on"), "w": ("scope", "whole context"),
                    "b": ("shown", "other both mask")}  # fmt: skip
        for key, (name, values) in switches.items():
            for value in values.split():
                me.key(key)
                assert me.state()[name] == value
                if value == "both":
                    assert driver.execute_script(visible, "figure.close g.other, figure.close g.mask") == 2
                if value == "whole":
                    assert me.picture_problems() == []
        assert driver.execute_script(visible, "figure.close g.other, figure.close g.mask") == 1
        for opens in (True, False):  # one key for both
            me.key("?")
            assert bool(me.of("#keys[open]")) == opens
        me.key("a")
        me.expect(6)
        me.key("r")
        me.expect(2)
        me.key("s")
        me.expect(9)
        me.key("u")
        me.expect(2)
        assert me.text("#notice") == "undone"
        me.key(Keys.ARROW_RIGHT)
        me.expect(9)
        me.key(Keys.ARROW_LEFT)
        me.expect(2)
        me.key("A")
        assert me.of("dialog[open]")
        assert me.text("dialog p") == "Accept 4 undecided masks of dog with a confidence of 0.50 or more?"
        me.key("a")  # keys say nothing while a question is open
        me.key(Keys.ESCAPE)
        assert (me.sees(), me.of("dialog[open]")) == (2, [])
        me.key("A")
        me.of("dialog[open] button[value=yes]")[0].click()
        me.expect(7)
        assert "6 of 7 decided" in " ".join(me.text(".counts").split())
        driver.refresh()
        me.expect(7)
        me.key("u")
        me.expect(2)
        me.key("A")
        me.of("dialog[open] button[value=yes]")[0].click()
        me.expect(7)
        me.key("a")
        me.expect(None)
        assert "Everything is decided" in me.text("main")
        me.press("finish")
        me.of("dialog[open] button[value=yes]")[0].click()
        me.wait(lambda: me.text("#notice").startswith("written: 6 accepted, 1 rejected, 0 skipped, 0 pending: "))
        me.leave()
    after = json.loads((tmp_path / "out.reviewed.json").read_text())["annotations"]
    said = {row["id"]: row.get("segmentation_review") for row in after}
    assert said == {1: None, 8: None, 10: None, 6: "rejected", **dict.fromkeys((2, 3, 4, 5, 7, 9), "accepted")}


def test_the_whole_round_by_buttons_on_a_phone(driver: webdriver.Chrome, tmp_path: Path) -> None:
    write(tmp_path)
    with running(tmp_path) as (_, address, _):
        me = Person(driver, address, PHONE)
        me.expect(4)
        width, height, _ = PHONE
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        for name in ("rejected", "skipped", "undo", "accepted"):
            place = me.of(f"[data-do={name}]")[0].rect
            assert place["height"] >= 40
            assert 0 <= place["x"] < place["x"] + place["width"] <= width
            assert place["y"] + place["height"] <= height
        assert me.picture_problems() == []
        for name in ("draw", "beside", "scope"):
            before = me.state()[name]
            me.press(name)
            assert me.state()[name] != before
            me.press(name)
            assert me.state()[name] == before
        me.press("accepted")
        me.expect(6)
        me.press("rejected")
        me.expect(2)
        me.press("skipped")
        me.expect(9)
        me.press("undo")
        me.expect(2)
        me.press("surer")
        me.of("dialog[open] button[value=no]")[0].click()
        me.expect(2)
        me.press("surer")
        me.of("dialog[open] button[value=yes]")[0].click()
        me.expect(7)
        me.click("[data-go]")
        me.wait(lambda: me.sees() != 7)
        me.press("back")
        # filters: of people, then what was rejected
        me.of("summary")[0].click()
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        for name, value, id_ in (("source", "person", 1), ("source", "all", 7), ("state", "2", 6), ("state", "0", 7)):
            me.of(f"select[name={name}] option[value='{value}']")[0].click()
            me.expect(id_)
        me.of("summary")[0].click()
        me.press("accepted")
        me.expect(1)
        me.press("skipped")
        me.expect(None)
        me.press("finish")
        me.of("dialog[open] button[value=yes]")[0].click()
        me.wait(lambda: me.text("#notice").startswith("written: 6 accepted, 1 rejected, 1 skipped, 0 pending"))
        me.leave()


def test_another_window_meanwhile(driver: webdriver.Chrome, tmp_path: Path) -> None:
    write(tmp_path)
    with running(tmp_path) as (process, address, _):
        me = Person(driver, address)
        me.expect(4)
        first = driver.current_window_handle
        driver.switch_to.new_window("tab")
        other = Person(driver, address)
        other.expect(6)
        other.click("[data-go='3']")
        other.expect(4)
        other.key("r")
        other.expect(6)
        driver.switch_to.window(first)
        me.key("a")
        me.wait(lambda: me.text("#notice") == "not taken: meanwhile rejected in another window")
        assert (me.sees(), me.text("main h2 .state")) == (4, "rejected")
        process.kill()
        process.wait()
        me.key("a")
        me.wait(lambda: "does not answer" in me.text("#notice"))
        driver.switch_to.new_window("tab")
        for handle in driver.window_handles[:-1]:
            driver.switch_to.window(handle)
            driver.close()
        driver.switch_to.window(driver.window_handles[0])


def test_names_are_text_and_a_lost_picture_is_told(driver: webdriver.Chrome, tmp_path: Path) -> None:
    options = write(tmp_path, ROWS[:5])
    markup = HOSTILE.replace("\ud800", "")
    data = content(ROWS[:5], [image(1), image(2, file_name="<b>gone</b>.png")], [{"id": 18, "name": markup}])
    options.annotations.write_text(json.dumps(data))
    with running(tmp_path) as (_, address, _):
        me = Person(driver, address)
        me.expect(4)
        assert me.text("main h2 bdi") == markup
        assert me.of("main img") == []
        me.key("A")
        assert markup in me.text("dialog p")
        me.of("dialog[open] button[value=no]")[0].click()
        me.leave()
        me.key("a", "a")
        me.expect(5)
        me.wait(lambda: me.text("#notice").startswith("the picture cannot be shown: "))
        assert "<b>gone</b>.png: the image file does not exist" in me.text("#notice")
        assert me.text("#notice").count("<") == 2
