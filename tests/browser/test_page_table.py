"""The table of the page, in a browser: sorting, searching, saving."""

from __future__ import annotations

import pandas as pd
import pytest

ROWS = ".overview tbody tr:visible"


def _column(page, number):
    """Texts of a column, of the rows that are seen."""
    return [text.strip() for text in page.locator(f"{ROWS} > :nth-child({number + 1})").all_inner_texts()]


def _heading(page, name):
    return page.get_by_role("columnheader", name=name, exact=True)


def test_sorting_by_cells(visit):
    """Up, down, and back to the order of the report, by mouse and by keyboard; aria-sort says which."""
    with visit("blood") as page:
        before, heading = _column(page, 1), _heading(page, "Cells")
        up, button = sorted(before, key=int), heading.get_by_role("button")
        for by in ("click", "Enter", " "):
            for order, way in ((up, "ascending"), (up[::-1], "descending"), (before, "none")):
                button.click() if by == "click" else button.press(by)
                assert (_column(page, 1), heading.get_attribute("aria-sort")) == (order, way), by


def test_sorting_by_name(visit):
    """Cluster 10 comes after cluster 9, not after cluster 1; one column at a time is sorted."""
    with visit("blood") as page:
        _heading(page, "Label").get_by_role("button").click()
        labels = _column(page, 2)
        assert labels == sorted(labels, key=str.casefold)
        _heading(page, "Cluster").get_by_role("button").click()
        assert _column(page, 0) == [str(n) for n in range(11)]
        assert _heading(page, "Label").get_attribute("aria-sort") == "none"


# What is searched, and the clusters that are found; None is all.
SEARCHES = [
    ("B cell", ["4"]),
    ("ms4a1", ["4"]),
    ("CL:0000786", ["8"]),
    ("cell plasma", ["8"]),
    ("zzz", []),
    ("  ", None),
    ("cluster 1", ["1"]),
    ("Cluster 10 ", ["10"]),
    ("cluster", None),
    ("cluster zzz", []),
]


def test_searching(visit):
    """Cluster, label, gene and term are searched, every word, whatever the case; the page shows how many are found."""
    with visit("blood") as page:
        for text, found in SEARCHES:
            page.get_by_role("searchbox").fill(text)
            expected = [str(n) for n in range(11)] if found is None else found
            assert _column(page, 0) == expected, text
            assert page.locator("#count").inner_text() == f"{len(expected)} of 11 clusters"
            assert page.get_by_text("No cluster matches.").is_visible() == (not expected)
            assert page.locator("#csv").is_disabled() == (not expected)


def test_only_some_statuses(visit, pages):
    """The buttons of the statuses are switches, and several add up; none is all."""
    table = pd.read_csv(pages / "sixty.csv")
    with visit("sixty") as page:
        for name in ("flagged", "unknown"):
            chip = page.locator(f"button[data-status={name}]")
            chip.click()
            assert chip.get_attribute("aria-pressed") == "true"
        assert page.locator(ROWS).count() == int(table["status"].isin(["flagged", "unknown"]).sum())
        page.locator("button[data-status=unknown]").press("Enter")
        assert page.locator(ROWS).count() == int(table["status"].eq("flagged").sum())
        page.locator("button[data-status=flagged]").press(" ")
        assert page.locator(ROWS).count() == 60


@pytest.mark.parametrize("name", ["blood", "sixty"])
def test_saving_all(visit, pages, name, tmp_path):
    """The file is the one that gca.io.to_csv writes, with its guard against formulas."""
    with visit(name, accept_downloads=True) as page:
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save as CSV").click()
        assert saved.value.suggested_filename == "clusters.csv"
        saved.value.save_as(tmp_path / "clusters.csv")
    assert (tmp_path / "clusters.csv").read_bytes() == (pages / f"{name}.csv").read_bytes()


def test_saving_what_is_shown(visit, pages, tmp_path):
    """Only the rows that are shown are saved, in their order."""
    with visit("blood", accept_downloads=True) as page:
        page.get_by_role("searchbox").fill("dendritic")
        for _ in range(2):
            _heading(page, "Cells").get_by_role("button").click()
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save as CSV").click()
        saved.value.save_as(tmp_path / "clusters.csv")
    rows, whole = (
        pd.read_csv(path, dtype=str, keep_default_na=False, index_col="cluster")
        for path in (tmp_path / "clusters.csv", pages / "blood.csv")
    )
    assert list(rows.index) == ["2", "6", "7"][: len(rows)]
    assert rows.equals(whole.loc[rows.index])
    assert len(rows) == 3


def test_searching_by_a_level(visit, pages):
    """A broader type finds all clusters with it in their paths, by its name and by its id."""
    table = pd.read_csv(pages / "blood.csv", dtype={"cluster": str})
    lymphocytes = table.loc[table["path"].str.contains("lymphocyte (", regex=False), "cluster"].tolist()
    assert 1 < len(lymphocytes) < len(table)
    with visit("blood") as page:
        for text in ("lymphocyte", "CL:0000542"):
            page.get_by_role("searchbox").fill(text)
            assert set(lymphocytes) <= set(_column(page, 0))
