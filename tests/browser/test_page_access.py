"""The page in a browser as its readers find it: colors, accessibility, speed, size."""

from __future__ import annotations

import pytest

SIZES = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 360, "height": 740}}
MOST_ELEMENTS = 15_000
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


def _faults(page):
    """Serious and critical violations of the rules of axe-core: rule, and the elements that break it."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    found = axe.Axe().run(page).response["violations"]
    return [(v["id"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] in ("serious", "critical")]


@pytest.mark.parametrize(
    ("name", "size", "scheme"),
    [
        ("blood", "wide", "light"),
        ("blood", "wide", "dark"),
        ("blood", "narrow", "light"),
        ("blood", "narrow", "dark"),
        ("sixty", "wide", "dark"),
        ("sixty", "narrow", "light"),
    ],
)
def test_axe_finds_nothing(visit, until, name, size, scheme):
    """No serious violation, with the drawer closed and open, in any color mode; nothing is wider than the screen."""
    with visit(name, viewport=SIZES[size], color_scheme=scheme, reduced_motion="reduce") as page:
        assert _faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.locator("button[data-status=flagged]").click()
        page.get_by_label("Color by").select_option("cluster")
        page.locator("#legend button").first.click()
        assert _faults(page) == []
        page.evaluate("location.hash = document.querySelector('.overview tbody th a').hash")
        until(page, "document.getElementById('drawer').open")
        assert _faults(page) == []
        assert page.evaluate("document.getElementById('drawer-body').scrollWidth <= innerWidth")


# The words that stand on more than one line; a word longer than 24 letters may.
BROKEN = r"""() => {
  const broken = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    if (!node.parentElement.checkVisibility()) continue;
    for (const { 0: word, index } of node.data.matchAll(/[\p{L}\p{N}_+]{2,24}/gu)) {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const lines = new Set([...range.getClientRects()].filter(({ width }) => width).map(({ y }) => Math.round(y / 4)));
      if (lines.size > 1) broken.push(word);
    }
  }
  return broken;
}"""


@pytest.mark.parametrize("width", [768, 1280])
def test_no_word_breaks(visit, until, width):
    """On a tablet and wider, no word of the page or of the drawer continues on the next line."""
    with visit("words", viewport={"width": width, "height": 900}) as page:
        assert page.evaluate(BROKEN) == []
        page.locator(".overview tbody th a").nth(1).click()
        until(page, "document.getElementById('drawer').open")
        assert page.evaluate(BROKEN) == []


def test_axe_without_script(visit):
    """The sections below the table, which stand there where no script runs, break no rule either."""
    with visit("blood") as page:
        page.evaluate("document.documentElement.classList.remove('scripted')")
        assert page.locator("article:visible").count() == 11
        assert _faults(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_switch_of_colors(visit, until, scheme):
    """The page follows the system until the switch is used, and is light on paper."""
    other = {"light": "dark", "dark": "light"}
    with visit("blood", color_scheme=scheme) as page:
        colors = {scheme: page.evaluate(BACKGROUND)}
        page.emulate_media(color_scheme=other[scheme])
        until(page, f"{BACKGROUND} !== '{colors[scheme]}'")
        colors[other[scheme]] = page.evaluate(BACKGROUND)
        page.get_by_role("button", name="colors").click()
        assert page.evaluate(BACKGROUND) == colors[scheme]
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(BACKGROUND) == colors[scheme]
        page.get_by_role("button", name="colors").click()
        assert page.evaluate(BACKGROUND) == colors[other[scheme]]
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate(BACKGROUND) == colors["light"]
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.evaluate(BACKGROUND) == colors[other[scheme]]
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]


@pytest.mark.parametrize("name", ["blood", "sixty"])
def test_the_first_paint_waits_for_nothing(visit, until, name):
    """The page is painted without a request, and has few enough elements to be laid out at once."""
    with visit(name) as page:
        until(page, "performance.getEntriesByName('first-contentful-paint').length")
        assert page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)") == []
        assert page.evaluate("document.querySelectorAll('*').length") < MOST_ELEMENTS


def test_the_policy_stops_what_it_must(visit):
    """A script, a style, a picture and a request that were not there when the page was made are stopped."""
    with visit("plain", refused=True) as page:
        page.evaluate(
            """async () => {
            const add = (tag, within) => document.body.append(Object.assign(document.createElement(tag), within));
            add("script", { textContent: "alert(1)" });
            add("style", { textContent: "body { display: none }" });
            add("img", { src: "data:image/gif;base64,R0lGODlhAQABAAAAACw=" });
            await fetch("https://evil.example/").catch(() => null);
            while (stopped.length < 4) await new Promise(requestAnimationFrame);
            }"""
        )
        stopped = page.evaluate("stopped.splice(0).map((text) => text.split(' ')[0])")
        assert sorted(stopped) == ["connect-src", "img-src", "script-src-elem", "style-src-elem"]
        assert page.evaluate("alerts") == 0
        page.evaluate("0")


def test_sixty_clusters_fit(pages):
    """The page of 60 clusters and 100,000 cells, with texts of 10,000 letters, is below 2 MB."""
    assert (pages / "sixty.html").stat().st_size < 2_000_000
