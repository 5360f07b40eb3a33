"""The page of the real program in a real browser: what a curator does, and what the file holds then."""

from __future__ import annotations

import socket

import anndata
import pytest

import gca_scanpy as gca

pytest.importorskip("streamlit", reason="the extra ui is not installed")
pytest.importorskip("filelock", reason="the extra ui is not installed")
expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright: it drives the browser").expect

HEADING = "h2"


def _choose(page, cluster):
    page.get_by_label("Cluster (open ones first)").click()
    page.get_by_role("option", name=f" {cluster}: ").click()
    page.locator(".gca-id", has_text=f"Cluster {cluster} ").wait_for()
    _settled(page)  # until then the fields of the cluster before may be there, too


def _settled(page):
    page.locator("[data-test-script-state='notRunning']").wait_for()
    expect(page.get_by_role("radiogroup", name="Decision")).to_have_count(1)


def _decision(page, kind):
    page.get_by_role("radiogroup", name="Decision").get_by_text(kind, exact=True).click()


def _change(page, typed, option=None):
    _decision(page, "Change")
    if option is None:
        box = page.get_by_role("textbox", name="Or in your own words")
        box.fill(typed)
        box.press("Tab")
        return
    box = page.get_by_role("combobox", name="Cell Ontology term")
    box.click()
    box.fill(typed)
    page.get_by_role("option", name=option, exact=True).click()


def _save(page):
    _settled(page)  # as long as a reader would take to see the page
    page.get_by_role("button", name="Save decision").click()


def test_change_a_label_save_and_reload(review, tab):
    """A label completed from the Cell Ontology is in the file, with who and why; a new tab shows it; the rest stays."""
    path, address = review("cells")
    before = anndata.read_h5ad(path)
    page = tab(address)
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("Your name").press("Tab")
    _choose(page, "0")
    _change(page, "plasmacytoid dend", "plasmacytoid dendritic cell (CL:0000784)")
    page.get_by_label("Why").fill("LILRA4")
    page.get_by_label("Why").press("Tab")
    _save(page)
    page.get_by_text("Saved: ☑ 0: plasmacytoid dendritic cell").wait_for()
    page.get_by_text("1 of 4 clusters decided").wait_for()
    after = anndata.read_h5ad(path)
    trail = gca.get.curation(after).loc["0"]
    assert list(trail[["who", "why", "from_label", "to_ontology_id"]]) == [
        "Ada Lovelace", "LILRA4", "B cell", "CL:0000784"
    ]  # fmt: skip
    assert set(after.obs.loc[after.obs["cluster"] == "0", "gptca_curated_label"]) == {"plasmacytoid dendritic cell"}
    assert after.obs["gptca_curated_label"].isna().sum() == 90
    assert after.obs[before.obs.columns].equals(before.obs)
    assert (after.X != before.X).sum() == 0
    again = tab(address)
    again.get_by_text("1 of 4 clusters decided").wait_for()
    _choose(again, "0")
    again.locator(HEADING, has_text="plasmacytoid dendritic cell").wait_for()
    again.get_by_text("Ada Lovelace").first.wait_for()


def test_two_tabs(review, tab):
    """The second to save about a cluster is told who was first, and nothing is lost; other clusters are joined."""
    path, address = review("cells")
    labels = gca.get.clusters(anndata.read_h5ad(path))["label"]
    first, second = tab(address), tab(address)
    for page, name in ((first, "Ada"), (second, "Grace")):
        page.get_by_label("Your name").fill(name)
        page.get_by_label("Your name").press("Tab")
        _choose(page, "1")
    _change(first, "my own type")
    _save(first)
    first.get_by_text("Saved: ☑ 1: my own type").wait_for()
    _change(second, "another type")
    _save(second)
    second.get_by_text("Ada decided on cluster '1' meanwhile").wait_for()
    assert list(gca.get.curation(anndata.read_h5ad(path))["who"]) == ["Ada"]
    _save(second)  # Grace has seen it, and still wants hers
    second.get_by_text("Saved: ☑ 1: another type").wait_for()
    _choose(first, "2")
    _decision(first, "Accept")
    _save(first)
    first.get_by_text("2 of 4 clusters decided").wait_for()
    trail = gca.get.curation(anndata.read_h5ad(path))
    assert list(zip(trail.index, trail["who"], trail["from_label"])) == [
        ("1", "Ada", labels["1"]), ("1", "Grace", "my own type"), ("2", "Ada", labels["2"])
    ]  # fmt: skip


def test_hostile_labels_are_text(review, tab):
    """Markup in labels is shown as it is written, runs nothing and loads nothing, in messages too."""
    page = tab(review("hostile")[1])
    _choose(page, "0")
    shown = page.locator(HEADING).first.inner_text()
    assert shown.startswith(
        "<img src=x onerror=alert(1)> ![a](http://127.0.0.1:9/x.png) :red[b] $c$ `d` **e** <script>"
    )
    _decision(page, "Accept")
    _save(page)
    message = page.get_by_test_id("stAlertContentSuccess")
    message.wait_for()
    assert "<img src=x onerror=alert(1)> ![a](http" in message.inner_text()
    assert ":red[b] $c$ `d` **e** <script>" in message.inner_text()
    assert message.locator("img").count() == 0


def test_only_the_whole_address_opens_the_page(review, chromium):
    """Who has the port and not the address sees nothing of the file; no other address of the machine answers."""
    _, address = review("cells")
    page = chromium.new_page()
    page.goto(address.partition("?")[0])
    page.get_by_text("Open this page with the whole address").wait_for()
    assert page.get_by_text("cells.h5ad").count() == 0
    page.close()
    port = int(address.split(":")[2].split("/")[0])
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for host in [*others, "127.0.0.2"]:
        with socket.socket() as place:
            place.settimeout(5)
            assert place.connect_ex((host, port)) != 0


def test_a_click_on_a_cell(review, tab):
    """It goes to the cell's cluster."""
    page = tab(review("cells")[1])
    if page.get_by_text("click a cell to go to its cluster").count() == 0:
        pytest.skip("this Streamlit takes no clicks on charts with layers")
    before = page.locator(".gca-id").inner_text()
    page.locator(".mark-symbol path").first.click(force=True)
    page.locator(".gca-id", has_not_text=before).wait_for()
    page.get_by_text("0 of 4 clusters decided").wait_for()


def test_a_bare_file(review, tab):
    """A report without its optional parts: a cluster and no error; the address names it; on a phone one column."""
    _, address = review("bare")
    page = tab(f"{address}&cluster=2")
    page.locator(HEADING, has_text="monocyte").wait_for()
    page.get_by_text("no embedding").wait_for()
    assert page.locator("[data-testid='stException']").count() == 0
    assert page.url.endswith("&cluster=2")
    assert "None" not in page.locator("section.gca").all_inner_texts()[1]
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function(
        "[...document.querySelectorAll('.st-key-desk section.gca')].every((e) => e.offsetWidth > 300)"
    )
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    assert page.get_by_role("button", name="Save decision").bounding_box()["width"] > 100
