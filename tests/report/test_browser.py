"""The report in a real browser: it opens from disk, its switches work,
hostile text stays text, all can read it.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from analysis.report import html
from tests.report.conftest import HOSTILE

pytestmark = pytest.mark.report
DESKTOP, PHONE = 1280, 390


@dataclass
class Opened:
    """A page as it stands, and all that it asked for and complained of."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium")
    assert found, "No chromium; `make test SUITE=report` installs it."
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, headless=True, args=["--no-sandbox"])
        yield running
        running.close()


def visit(browser: Any, path: Path, *, width: int = DESKTOP, scheme: str = "light") -> Opened:
    """The page once it is ready."""
    page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    opened = Opened(page)
    page.on("request", lambda request: opened.requests.append(request.url))
    page.on("console", lambda message: opened.complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    page.goto(path.resolve().as_uri())
    page.wait_for_selector("html[data-ready]", timeout=60_000)
    return opened


PICTURE = """place => [...document.querySelectorAll(`${place} .canvas`)].map(canvas => canvas.ariaLabel +
  [...canvas.querySelectorAll('.scatterlayer path, .shapelayer path, text')].map(one =>
    (one.getAttribute('d') ?? '') + one.style.stroke + one.textContent).join()).join()"""


def picture(page: Any, place: str = "#curves-view") -> str:
    """The lines, marks and words that all figures of a place draw, and what is told of them."""
    page.wait_for_timeout(150)
    return str(page.evaluate(PICTURE, place))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_the_page_opens_from_disk_and_asks_for_nothing(
    browser, ladder_page: Path, width: int, scheme: str
) -> None:
    opened = visit(browser, ladder_page, width=width, scheme=scheme)
    for unfold in opened.page.query_selector_all("summary"):
        unfold.click()
    opened.page.mouse.wheel(0, 20_000)
    opened.page.wait_for_timeout(300)
    assert opened.complaints == []
    assert all(url.startswith(("file://", "data:", "blob:")) for url in opened.requests)
    assert sum(url.startswith("file://") for url in opened.requests) == 1
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert len(opened.page.query_selector_all("#curves-view .canvas .main-svg")) >= 3


SCROLLING = """() => [...document.querySelectorAll('.scroll')].filter(one => one.clientWidth).map(one => ({
  name: one.ariaLabel, is_wide: one.scrollWidth > one.clientWidth + 1,
  says_so: getComputedStyle(one, '::before').content.includes('Scroll the table sideways') }))"""


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_a_table_says_that_it_scrolls_only_where_it_does(browser, ladder_page: Path, width: int) -> None:
    page = visit(browser, ladder_page, width=width).page
    for unfold in page.query_selector_all("summary"):
        unfold.click()
    page.wait_for_timeout(300)
    tables = page.evaluate(SCROLLING)
    assert len(tables) >= 5 and (width != PHONE or any(table["is_wide"] for table in tables))
    assert [table for table in tables if table["says_so"] != table["is_wide"]] == []
    # Where all fit none says so.
    page.set_viewport_size({"width": 4000, "height": 900})
    page.add_style_tag(content="main { max-width: none !important; }")
    page.wait_for_timeout(300)
    assert not any(table["is_wide"] or table["says_so"] for table in page.evaluate(SCROLLING))


def test_the_axis_of_exchange_rates_names_never(browser, ladder_page: Path) -> None:
    page = visit(browser, ladder_page, width=PHONE).page
    ticks = page.eval_on_selector_all("#rates-view .xtick text", "all => all.map(one => one.textContent)")
    assert ticks[-1] == "never" and len(ticks) > 2


def test_every_switch_changes_the_picture(browser, ladder_page: Path) -> None:
    page = visit(browser, ladder_page).page
    labels = page.eval_on_selector_all(
        "#curves-view select", "all => all.map(one => one.labels[0].innerText.split('\\n')[0])"
    )
    assert labels == [
        "Prompts",
        "Samples are read by",
        "Compute grows with",
        "Cost model",
        "Reference: one answer of",
    ]
    for number in range(len(labels)):
        control = page.query_selector_all("#curves-view select")[number]
        options = control.eval_on_selector_all("option", "all => all.map(option => option.value)")
        assert len(options) > 1
        first, seen = control.input_value(), set()
        for option in options:
            control.select_option(option)
            seen.add(picture(page))
        assert len(seen) == len(options), labels[number]
        control.select_option(first)
        assert picture(page) in seen


def test_a_model_that_is_switched_off_is_drawn_nowhere(browser, ladder_page: Path) -> None:
    page = visit(browser, ladder_page).page
    whole = picture(page)
    count = "document.querySelectorAll('#curves-view .scatterlayer .trace').length"
    lines = page.evaluate(count)
    page.click("#curves-view .rungs input >> nth=0")
    assert picture(page) != whole and page.evaluate(count) < lines
    assert "33k" not in page.inner_text("#curves-view .panel .verdicts >> nth=0")
    for box in page.query_selector_all("#curves-view .rungs input:checked"):
        box.click()
    assert page.evaluate("document.querySelectorAll('#curves-view .scatterlayer .trace').length") == 0


def test_switches_of_curves_and_of_rates_go_together(browser, ladder_page: Path) -> None:
    page = visit(browser, ladder_page).page
    before = page.inner_text("#rates-view table"), picture(page, "#rates-view")
    page.select_option("#curves-view select >> nth=3", "tokens")
    assert page.input_value("#rates-view select >> nth=2") == "tokens"
    assert (page.inner_text("#rates-view table"), picture(page, "#rates-view")) != before
    page.select_option("#rates-view select >> nth=1", "budget")
    assert page.input_value("#curves-view select >> nth=2") == "budget"
    assert "within 256 tokens" in page.inner_text("#rates-view table")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("is_scored", [False, True], ids=["plain", "step scores"])
def test_hostile_text_stays_text(
    browser, hostile_page: Path, scored_page: Path, width: int, is_scored: bool
) -> None:
    opened = visit(browser, scored_page if is_scored else hostile_page, width=width)
    page, shown = opened.page, ""
    for number in range(page.locator(".prompts button").count()):
        page.locator(".prompts button").nth(number).click()
        for model in ("0", "1"):
            page.select_option(".prompt select >> nth=0", model)
            for sample in page.eval_on_selector_all(
                ".prompt select >> nth=1 >> option", "all => all.map(o => o.value)"
            ):
                page.select_option(".prompt select >> nth=1", sample)
                assert bool(page.locator(".prompt pre .step").count()) == is_scored
                # Scores stand within the text, and are no part of it.
                shown += page.evaluate("""() => { const view = document.querySelector(".prompt").cloneNode(true);
                    view.querySelectorAll(".step").forEach(step => step.remove()); return view.textContent; }""")
    for unfold in page.query_selector_all("summary"):
        unfold.click()
    for control in page.query_selector_all("#curves-view select"):
        for option in control.eval_on_selector_all("option", "all => all.map(option => option.value)"):
            control.select_option(option)
    for canvas in page.query_selector_all(".canvas"):
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        for share in (0.2, 0.35, 0.5, 0.65):
            page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
    page.fill("input[type=search]", "<script>window")
    page.wait_for_timeout(200)
    assert page.query_selector_all("mark")
    for text in HOSTILE:
        assert html.UNSEEN.sub(lambda found: f"U+{ord(found[0]):04X}", text) in shown
    assert page.evaluate("window.harmed") is None
    assert page.locator("img, iframe, script:not([type])").count() == 2
    assert page.locator("main a, svg a, [onclick], [onload], [onerror], [onmouseover]").count() == 0
    assert opened.complaints == []
    assert all(url.startswith(("file://", "data:", "blob:")) for url in opened.requests)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_search_finds_prompts_by_what_is_in_their_traces(browser, hostile_page: Path) -> None:
    page = visit(browser, hostile_page).page
    page.fill("input[type=search]", "planted/0002")
    assert page.locator(".prompts button").count() == 1
    assert "1 of 4 prompts found" in page.inner_text("#explorer")
    page.fill("input[type=search]", "no such words")
    assert page.locator(".prompts button").count() == 0
    page.fill("input[type=search]", "ESCAPE")
    assert page.locator(".prompts button").count() == 4
    assert page.inner_text(".prompt mark >> nth=0").lower() == "escape"


def test_a_model_can_be_chosen_by_keyboard_alone_and_focus_stays(browser, ladder_page: Path) -> None:
    page = visit(browser, ladder_page).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = []
    for _ in range(120):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate(
                """() => { const one = document.activeElement; const all = [...document.querySelectorAll('*')];
                return [all.indexOf(one), one.tagName, one.matches(':focus-visible')]; }"""
            )
        )
        if page.evaluate(
            "document.activeElement.closest('.prompt') !== null && document.activeElement.tagName === 'SELECT'"
        ):
            break
    places = [place for place, *_ in seen]
    assert places == sorted(places) and all(visible for *_, visible in seen)
    assert {"A", "SELECT", "INPUT", "SUMMARY", "BUTTON"} <= {tag for _, tag, _ in seen}
    before = page.input_value(".prompt select >> nth=0")
    page.keyboard.press("ArrowUp")
    assert page.input_value(".prompt select >> nth=0") != before
    assert page.evaluate("document.activeElement === document.querySelectorAll('.prompt select')[0]")


CONTROLS = "select, input, button, [role=img], [role=region], nav, article, pre"
NAMELESS = """controls => [...document.querySelectorAll(controls)]
  .filter(one => !(one.labels?.[0]?.innerText || one.ariaLabel || one.innerText?.trim()))
  .map(one => one.outerHTML.slice(0, 90))"""
TABLES = """() => [...document.querySelectorAll('table')].map(table => [table.caption?.innerText.length > 5,
  [...table.tHead.rows[0].cells].every(cell => cell.scope === 'col' && cell.innerText),
  [...table.tBodies[0].rows].every(row => row.cells[0].scope === 'row')])"""


def test_all_that_is_seen_is_told(browser, ladder_page: Path) -> None:
    page = visit(browser, ladder_page).page
    page.click("#curves-view summary")
    page.wait_for_timeout(200)
    assert page.evaluate(NAMELESS, CONTROLS) == []
    tables = page.evaluate(TABLES)
    assert len(tables) >= 6 and all(all(table) for table in tables)
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3, h4')].map(heading => +heading.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    told = page.get_attribute("#curves-view .canvas >> nth=0", "aria-label")
    assert "33k from" in told and "One answer of 0.4m" in told
    assert page.evaluate("document.documentElement.lang") == "en"
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(set(ids)) == len(ids)


# Contrast by WCAG 2: the ratio of relative luminances of what is drawn and of what lies behind it.
CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const fill = (paint) => { canvas.fillStyle = paint; canvas.fillRect(0, 0, 1, 1); };
  const over = (paint, under) => {
    fill(`rgb(${under.join()})`); fill(paint);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const linear = (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const light = (color) => color.reduce((sum, c, at) => sum + linear(c / 255) * [0.2126, 0.7152, 0.0722][at], 0);
  const ratio = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = (one) => {
    const chain = [];
    for (let at = one; at; at = at.parentElement) chain.unshift(getComputedStyle(at).backgroundColor);
    return chain.reduce((under, paint) => over(paint, under), [255, 255, 255]);
  };
  const contrast = (one, paint) => ratio(over(paint, behind(one)), behind(one));
  const says = (one) => [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
  const unread = 'script, style, svg, noscript, [aria-hidden]';
  const texts = [...document.querySelectorAll('body *')].filter(one => !one.closest(unread) && says(one));
  const seen = texts.filter(one => one.checkVisibility());
  const found = seen.map(one => [contrast(one, getComputedStyle(one).color), one.outerHTML.slice(0, 80)]);
  const svg = [...document.querySelectorAll('.canvas svg text')];
  return {
    texts: seen.length, faint: found.filter(([value]) => value < 4.5),
    svg: Math.min(...svg.map(one => contrast(document.body, getComputedStyle(one).fill))),
    lines: Math.min(...[...Array(10).keys()].map(at => contrast(document.body, colour(at, 10)))),
  };
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_lines_stand_out_from_the_page(browser, ladder_page: Path, scheme: str) -> None:
    found = visit(browser, ladder_page, scheme=scheme).page.evaluate(CONTRAST)
    assert found["texts"] > 200 and found["faint"] == []
    assert found["svg"] >= 4.5 and found["lines"] >= 3
