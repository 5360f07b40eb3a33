"""The embedding of the page, in a browser: what is drawn, and what mouse and keyboard do with it."""

from __future__ import annotations

from importlib.resources import files

import pandas as pd
import pytest

# How many pixels are of a color, or of any where none is given.
PIXELS = """(color) => {
  const canvas = document.getElementById("plot");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const wanted = color && [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  let found = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] === 255 && (!wanted || wanted.every((value, at) => Math.abs(value - data[i + at]) < 3))) found++;
  }
  return found;
}"""
# A place amid one cell of a color; the screen has as many pixels as the page.
FIND = """(color) => {
  const canvas = document.getElementById("plot");
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const wanted = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  const is = (x, y) => wanted.every((value, at) => data[4 * (y * width + x) + at] === value);
  for (let y = 4; y < height - 4; y++)
    for (let x = 4; x < width - 4; x++)
      if (is(x, y) && is(x - 2, y) && is(x + 2, y) && is(x, y + 2)) return [x, y];
  return null;
}"""
SETTLED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"


def _pixels(page, color=None):
    page.evaluate(SETTLED)
    return page.evaluate(PIXELS, color)


def _swatch(page, row):
    """The color of a row of the table."""
    return page.locator(".overview tbody tr").nth(row).locator("circle").get_attribute("data-color")


def _place(page, color):
    """Where on the screen a cell of a color is."""
    page.evaluate(SETTLED)
    x, y = page.evaluate(FIND, color)
    box = page.locator("#plot").bounding_box()
    return box["x"] + x, box["y"] + y


@pytest.mark.parametrize("scale", [1, 2])
def test_the_colors_are_those_of_the_table(visit, scale):
    """Cells are drawn in the color of their label, at the resolution of the screen."""
    with visit("blood", device_scale_factor=scale) as page:
        assert page.evaluate("document.getElementById('plot').width") == pytest.approx(
            scale * page.locator("#plot").bounding_box()["width"], abs=2
        )
        assert _pixels(page, _swatch(page, 0)) > 200 * scale**2
        assert _pixels(page, "#123456") == 0


def test_hover_and_click(visit):
    """A cell under the mouse says its label and cluster; a click opens its evidence."""
    with visit("blood") as page:
        page.locator("#plot").scroll_into_view_if_needed()
        x, y = _place(page, _swatch(page, 4))
        page.mouse.move(x, y)
        assert page.locator("#tip").inner_text().split("\n")[:2] == ["B cell", "Cluster 4"]
        page.mouse.click(x, y)
        assert "B cell" in page.get_by_role("dialog").inner_text()
        page.keyboard.press("Escape")
        page.mouse.move(5, 5)
        assert not page.locator("#tip").is_visible()


def test_a_finger(visit):
    """On a touch screen a tap on a cell opens its evidence, and a tap beside the drawer closes it."""
    with visit("blood", has_touch=True, viewport={"width": 1000, "height": 800}) as page:
        page.locator("#plot").scroll_into_view_if_needed()
        page.touchscreen.tap(*_place(page, _swatch(page, 4)))
        assert "B cell" in page.get_by_role("dialog").inner_text()
        page.touchscreen.tap(20, 400)
        assert not page.get_by_role("dialog").is_visible()


def test_zoom_and_move(visit):
    """Keys, buttons, Ctrl with the wheel and dragging move the cells; reset shows them as they were."""
    with visit("blood") as page:
        plot = page.locator("#plot")
        plot.scroll_into_view_if_needed()
        shot = lambda: page.evaluate(SETTLED) or page.evaluate("document.getElementById('plot').toDataURL()")  # noqa: E731
        first = shot()
        seen = {first}
        for key in ("+", "ArrowLeft", "ArrowUp", "-", "ArrowRight", "ArrowDown"):
            plot.press(key)
            seen.add(shot())
        assert len(seen) >= 6
        plot.press("0")
        assert shot() == first
        page.get_by_role("button", name="Zoom in").click()
        zoomed = shot()
        box = plot.bounding_box()
        page.mouse.move(box["x"] + 300, box["y"] + 200)
        page.mouse.down()
        page.mouse.move(box["x"] + 360, box["y"] + 240, steps=4)
        page.mouse.up()
        moved = shot()
        page.keyboard.down("Control")
        page.mouse.wheel(0, -300)
        page.keyboard.up("Control")
        nearer = shot()
        assert len({first, zoomed, moved, nearer}) == 4
        assert not page.get_by_role("dialog").is_visible()  # dragging is no click
        page.get_by_role("button", name="Reset").click()
        assert shot() == first


def test_the_legend(visit, pages):
    """Each way to color has its legend; a pressed entry makes its cells stand out, and the rest pale."""
    table = pd.read_csv(pages / "blood.csv")
    with visit("blood") as page:
        entries = page.locator("#legend button")
        assert sorted(entries.all_inner_texts())[0] == "B cell"
        blue, pink = _swatch(page, 0), _swatch(page, 4)
        before = _pixels(page, blue)
        page.locator("#legend").get_by_role("button", name="B cell").press("Enter")
        assert _pixels(page, blue) < before / 20
        assert _pixels(page, pink) > 100
        assert page.locator("#legend button[aria-pressed=true]").all_inner_texts() == ["B cell"]
        columns = {"confidence": "confidence", "status": "status", "cluster": "cluster", "broad": "broad_label"}
        titles = ("Confidence", "Status", "Cluster", "Broad type")
        for (mode, column), title in zip(columns.items(), titles):
            n = table[column].nunique()
            page.get_by_label("Color by").select_option(mode)
            assert (entries.count(), page.locator("#legend-title").inner_text()) == (n, title)
            assert _pixels(page) > 1000


def test_the_search_shows_its_cells(visit):
    """What the table does not show is pale in the picture, too."""
    with visit("blood") as page:
        before = _pixels(page, _swatch(page, 0))
        page.get_by_role("searchbox").fill("plasma")
        assert _pixels(page, _swatch(page, 0)) < before / 20


def test_what_is_drawn_of_many_cells(visit):
    """Of 100,000 cells a part is drawn, which the page says; the text for screen readers has every cluster."""
    with visit("sixty") as page:
        assert "of 100,000 cells are drawn" in page.locator(".hint").first.inner_text()
        assert page.locator("#where li").count() == 60
        assert _pixels(page) > 5000
        for mode in ("broad", "confidence", "status", "cluster"):
            page.get_by_label("Color by").select_option(mode)
        assert page.locator("#legend button").count() == 60
        same = "the clusters of one donor "
        code = files("gca_scanpy._page").joinpath("templates/make.js").read_text(encoding="utf-8")
        texts = page.evaluate(f"(texts) => {{ {code}\nreturn fitted(texts, 18); }}", [f"{same}{n}" for n in range(3)])
        assert texts == [f"{same}{n}" for n in range(3)]  # different ids are not cut to the same text


def test_a_report_alone_has_no_cells(visit):
    """The page of a report has table and drawer, and no picture."""
    with visit("plain", "#cluster-5") as page:
        assert page.get_by_role("dialog").is_visible()
        assert page.locator("#plot").count() == 0
        page.keyboard.press("Escape")
        page.get_by_role("searchbox").fill("plasma")
        assert page.locator(".overview tbody tr:visible").count() == 1
