# Copyright (c) 2026, webrtc.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages in a real browser: quiet, readable at any width and in any light, usable without a mouse, printed whole."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

NAMES = ("verification", "change_request", "hostile")
WIDTHS = (360, 1280)
SCHEMES = ("light", "dark")

# The colour behind a text is that of the nearest ancestor that has one. WCAG 2.2 has the formulas: relative luminance, contrast ratio.
CONTRASTS = """(() => {
  const part = value => { value /= 255; return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; };
  const colour = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const found = colour(getComputedStyle(element).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
      if (found[3] !== 0) throw new Error('half transparent');
    }
    throw new Error('nothing behind');
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim(), element = walker.currentNode.parentElement;
    if (!text) continue;
    const [one, two] = [light(colour(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a);
    found.push([Math.round(100 * (one + 0.05) / (two + 0.05)) / 100, text.slice(0, 40)]);
  }
  return found;
})()"""
OVERFLOW = """(() => {
  document.querySelectorAll('details').forEach(one => { one.open = true; });
  const wide = [...document.querySelectorAll('body *')].filter(one => !one.closest('.scroll') || one.matches('.scroll'))
    .filter(one => one.getBoundingClientRect().right > innerWidth + 0.5).map(one => one.outerHTML.slice(0, 200));
  return [document.documentElement.scrollWidth - innerWidth, wide];
})()"""
# What a reader hears of a cell: its own headers, found as browsers find them for tables without spans of rows.
HEADLESS = """[...document.querySelectorAll('td')].filter(cell => {
  const row = cell.closest('tr'), head = cell.closest('table').querySelector('thead tr').cells[cell.cellIndex];
  return !(head && head.tagName === 'TH' && head.scope === 'col' && head.textContent.trim()
    && row.cells[0].tagName === 'TH' && row.cells[0].scope === 'row');
}).length"""


@pytest.mark.parametrize("name", NAMES)
def test_page_is_quiet(browser: Any, pages: dict[str, Path], name: str) -> None:
    url = pages[name].as_uri()
    browser.open(url)
    assert browser.requests() == [url]
    assert browser.complaints() == []
    assert browser.run("getComputedStyle(document.body).maxWidth") != "none", "the style sheet is not in force"


def test_page_forbids_what_it_does_not_do(browser: Any, pages: dict[str, Path], tmp_path: Path) -> None:
    # Proves that the checks see something: the same page with a picture and a script is complained of by its own policy.
    text = pages["verification"].read_text(encoding="utf-8")
    page = tmp_path / "broken.html"
    extra = "<img src='http://192.0.2.1/x.png'><script>document.title = 'run'</script>"
    page.write_text(text.replace("<main>", f"{extra}<main>"), encoding="utf-8")
    browser.open(page.as_uri())
    assert len([line for line in browser.complaints() if "Content Security Policy" in line]) == 2
    assert browser.run("document.title") != "run"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_page_never_scrolls_sideways(browser: Any, pages: dict[str, Path], name: str, width: int) -> None:
    browser.open(pages[name].as_uri())
    browser.look(width)
    assert browser.run(OVERFLOW) == [0, []]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_text_stands_out(browser: Any, pages: dict[str, Path], name: str, scheme: str, width: int) -> None:
    browser.open(pages[name].as_uri())
    browser.look(width, scheme)
    found = browser.run(CONTRASTS)
    assert len(found) > 50
    assert [pair for pair in found if pair[0] < 4.5] == []


def test_dark_is_dark(browser: Any, pages: dict[str, Path]) -> None:
    browser.open(pages["verification"].as_uri())
    colours = []
    for scheme in SCHEMES:
        browser.look(1280, scheme)
        colours.append(browser.run("getComputedStyle(document.body).backgroundColor"))
    assert colours[0] == "rgb(255, 255, 255)" != colours[1]


def test_verdicts_are_words_too(browser: Any, pages: dict[str, Path]) -> None:
    browser.open(pages["verification"].as_uri())
    words = browser.run("[...document.querySelectorAll('.badge')].map(one => one.innerText.replace(/^\\S+ /, ''))")
    assert {"open", "blocked", "intercepted", "untested", "degraded", "no call", "works", "harmful", "warning", "note"} <= set(words)
    assert all(re.fullmatch(r"[0-9a-z ]+|Not ready", word) for word in words)


def test_details_open_by_keyboard(browser: Any, pages: dict[str, Path]) -> None:
    browser.open(pages["verification"].as_uri())
    browser.look(1280)
    for _press in range(200):
        browser.press("Tab", 9)
        if browser.run("document.activeElement.tagName") == "SUMMARY":
            break
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert browser.run("document.activeElement.parentElement.open") is False
    browser.press("Enter", 13, "\r")
    assert browser.run("document.activeElement.parentElement.open") is True


def test_tables_scroll_by_keyboard(browser: Any, pages: dict[str, Path]) -> None:
    browser.open(pages["verification"].as_uri())
    browser.look(360)
    browser.run("document.querySelector('.scroll').focus()")
    for _press in range(3):
        browser.press("ArrowRight", 39)
    browser.run("new Promise(done => setTimeout(done, 500))")
    assert browser.run("document.querySelector('.scroll').scrollLeft") > 0


@pytest.mark.parametrize("name", NAMES)
def test_headers_belong_to_their_cells(browser: Any, pages: dict[str, Path], name: str) -> None:
    browser.open(pages[name].as_uri())
    assert browser.run("document.querySelectorAll('td').length") > 3
    assert browser.run(HEADLESS) == 0
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    roles = {node["role"]["value"] for node in nodes if not node["ignored"]}
    assert {"main", "contentinfo", "navigation", "table", "columnheader", "rowheader", "cell", "heading"} <= roles
    regions = [node["name"]["value"] for node in nodes if not node["ignored"] and node["role"]["value"] == "region"]
    assert regions and all(regions)


@pytest.mark.parametrize("name", NAMES)
def test_print_shows_everything(browser: Any, pages: dict[str, Path], tmp_path: Path, name: str) -> None:
    browser.open(pages[name].as_uri())
    browser.look(1280, "dark")
    path = tmp_path / "page.pdf"
    path.write_bytes(browser.pdf())
    text = subprocess.run(("pdftotext", "-raw", str(path), "-"), capture_output=True, check=True).stdout.decode()
    squeezed = re.sub(r"\s", "", text)
    expected = {
        "verification": ("round trip ms most", "SPT=41112 DPT=10000", "answers come back on the same connection", "CN=*.vonage.com"),
        "change_request": ("vonage/turn-udp: udp 3478 to 168.100.64.0/18, 216.147.0.0/18",),
        "hostile": ("<b>bold</b> \\x1b[31m \\u202eabc",),
    }[name]
    assert [line for line in expected if re.sub(r"\s", "", line) not in squeezed] == []
    # On paper it is light, and nothing is cut off at the right.
    browser.look(700, "dark", "print")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.run("document.documentElement.scrollWidth - innerWidth") <= 0
    assert [pair for pair in browser.run(CONTRASTS) if pair[0] < 4.5] == []
