"""The drawer of the page, in a browser: opening, turning, closing, and its address."""

from __future__ import annotations

import re

import pandas as pd
import pytest

ODD_IDS = ("3", "NK/T cell", "a b", "a%20b", "50%", "50% x", "#1", "β+", "\N{BRAIN}", "?a=1&b", "", "*", "L" * 300)
FOCUSED = "document.activeElement.id || document.activeElement.getAttribute('href')"


def _title(page):
    return " ".join(page.locator("#drawer h3").inner_text().split())


def test_it_opens_and_closes_by_keyboard(visit):
    """Enter on a cluster's link opens it; the focus is in it, stays in it, and comes back to the link after Esc."""
    with visit("blood") as page:
        page.locator("a[href='#cluster-4']").press("Enter")
        drawer = page.get_by_role("dialog")
        assert drawer.is_visible()
        assert _title(page) == "Cluster 4 B cell"
        assert page.evaluate(FOCUSED) == "drawer-title"
        assert page.evaluate("location.hash") == "#cluster-4"
        for key in ["Tab"] * 25 + ["Shift+Tab"] * 30:
            page.keyboard.press(key)
            assert page.evaluate("document.activeElement.closest('dialog') !== null")
        page.keyboard.press("Escape")
        assert not drawer.is_visible()
        assert page.evaluate(FOCUSED) == "#cluster-4"
        assert page.evaluate("location.hash") == ""


def test_what_it_tells(visit):
    """Evidence for and against, what is missing, candidates with bars, and reasons are those of the cluster."""
    with visit("blood") as page:
        page.locator(".overview tbody tr").nth(4).click(position={"x": 400, "y": 12})
        drawer = page.get_by_role("dialog")
        text = drawer.inner_text()
        shown = (
            "High confidence", "CL:0000236", "66 cells", "Supporting genes", "CD79A", "Contradicting genes", "TAGLN2",
            "Markers that the data do not have", "Candidates", "Also considered", "offline scorer",
        )  # fmt: skip
        assert [words for words in shown if words not in text] == []
        page.locator("#next").click()
        pair = drawer.locator(".candidates .pairs .contrast").first  # what separates a candidate from the label
        assert re.match(r"for .+: expressed \w", pair.inner_text())
        page.locator("#before").click()
        assert drawer.locator(".candidates .fill").first.bounding_box()["width"] > 50
        link = drawer.locator("a.term").first
        assert link.get_attribute("rel") == "noreferrer noopener"
        page.get_by_role("button", name="Close").click()
        assert not drawer.is_visible()


def test_turning_follows_the_table(visit):
    """Next and previous go through the rows that are shown, in their order, and end at the ends."""
    with visit("blood") as page:
        page.get_by_role("searchbox").fill("dendritic")
        page.get_by_role("columnheader", name="Cells").get_by_role("button").click()
        page.locator(".overview tbody tr:visible a").first.click()
        assert (_title(page), page.locator("#place span").first.inner_text()) == ("Cluster 7 dendritic cell", "1 of 3")
        assert page.locator("#before").is_disabled()
        page.locator("#next").click()
        assert _title(page) == "Cluster 6 dendritic cell"
        assert page.evaluate(FOCUSED) == "next"
        page.keyboard.press("ArrowRight")
        assert (_title(page), page.evaluate("location.hash")) == ("Cluster 2 dendritic cell", "#cluster-2")
        assert page.locator("#next").is_disabled()
        assert page.evaluate("document.activeElement.closest('dialog') !== null")
        page.keyboard.press("ArrowLeft")
        assert _title(page) == "Cluster 6 dendritic cell"


def test_an_address_opens_it(visit, until):
    """A link to a cluster opens the page with its evidence; another address in the same page turns to that."""
    with visit("blood", "#cluster-2") as page:
        assert _title(page) == "Cluster 2 dendritic cell"
        page.evaluate("location.hash = '#cluster-8'")
        until(page, "document.getElementById('drawer-title').textContent.includes('plasma cell')")
        page.evaluate("location.hash = '#clusters'")
        until(page, "!document.getElementById('drawer').open")
    with visit("blood", "#cluster-99") as page:
        assert not page.get_by_role("dialog").is_visible()


def test_the_address_of_any_id(visit, until):
    """A link opens the cluster of its id, whatever signs the id has, and so does the id as someone types it."""
    with visit("odd") as page:
        links = page.locator(".overview tbody th a").evaluate_all("all => all.map((a) => a.getAttribute('href'))")
        assert len(set(links)) == len(links) == len(ODD_IDS)
        for name, link in zip(ODD_IDS, links):
            typed = f"#cluster-{name}"
            for address in (link, *([] if typed in links else [typed])):  # the address of "a b" is that of "a b" only
                page.evaluate("(hash) => { location.hash = hash; }", address)
                until(page, "document.getElementById('drawer').open")
                title = page.locator("#drawer h3 .of bdi").inner_text()
                assert title == (" ".join(name.split()) or "(empty)")
                page.keyboard.press("Escape")
                until(page, "!document.getElementById('drawer').open && !location.hash")
    with visit("odd", "#cluster-NK%2FT%20cell", javascript=False) as page:
        assert page.locator("article:target .of").inner_text() == "Cluster NK/T cell"


def test_without_script_and_on_paper_all_is_there(visit):
    """Without JavaScript, and printed with a drawer open and rows filtered away, every section stands on the page."""
    with visit("blood", javascript=False) as page:
        assert page.locator("article:visible").count() == 11
        assert not page.get_by_role("searchbox").is_visible()
        assert not page.locator("#plot").is_visible()
    with visit("blood", "#cluster-3") as page:
        assert page.locator(".evidence").is_hidden()
        page.evaluate("document.getElementById('search').value = 'plasma'")
        page.locator("#search").dispatch_event("input")
        page.emulate_media(media="print")
        assert page.locator(".evidence article:visible").count() == 11
        assert page.locator(".overview tbody tr:visible").count() == 11
        assert not page.locator("#drawer").is_visible()
        page.emulate_media(media="null")
        pdf = page.pdf()
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type ?/Page\b", pdf)) > 5


def test_hostile_clusters(visit):
    """The drawer of each hostile cluster opens and holds no element that a text asked for."""
    with visit("sixty") as page:
        page.locator(".overview tbody th a").first.click()
        for row in range(59):
            link = page.locator(".overview tbody th a").nth(row).get_attribute("href")
            assert page.evaluate("location.hash") == link
            assert link.isascii()
            assert page.locator("#drawer :is(img, script, iframe)").count() == 0
            assert page.locator("#drawer article").bounding_box()["width"] < 760
            page.locator("#next").click()
        assert page.evaluate("document.querySelectorAll('img, iframe, script').length") == 2
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_path(visit, pages):
    """Each level has its link, its number and a bar as long as it; the label is marked; it is there without script."""
    row = pd.read_csv(pages / "blood.csv", index_col="cluster").loc[4]
    levels = re.findall(r"(?:^| > )(.*?) \((\d\.\d\d)\)", row["path"])
    assert len(levels) > 2
    with visit("blood", "#cluster-4") as page:
        steps = page.get_by_role("dialog").locator(".path li")
        shown = [
            (step.locator("bdi").first.inner_text(), step.locator(".sure").inner_text().strip()) for step in steps.all()
        ]
        assert shown == levels
        assert steps.locator("a.term").count() == len(levels)
        bars = [step.locator(".fill").bounding_box()["width"] for step in steps.all()]
        rail = steps.first.locator(".rail").bounding_box()["width"]
        assert bars == pytest.approx([float(number) * rail for _, number in levels], abs=1)
        lefts = [step.locator("bdi").first.bounding_box()["x"] for step in steps.all()]
        assert lefts == sorted(set(lefts))  # each level is a step to the right
        marked = page.get_by_role("dialog").locator(".path .label")
        assert (marked.count(), marked.locator("bdi").inner_text()) == (1, row["label"])
        assert marked.locator(".role").first.inner_text() == "label"
        assert steps.last.locator(".role").last.inner_text() == "finest guess"
    with visit("blood", "#cluster-4", javascript=False) as page:
        assert page.locator("article[id=cluster-4] .path li").count() == len(levels)
        assert page.locator("article[id=cluster-4] .path").is_visible()
