"""The page in Streamlit's own test bench, and the parts it is made of."""

from __future__ import annotations

import re
import sys
from importlib.resources import files

import anndata
import pandas as pd
import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy import _codec, model
from gca_scanpy._reporting.curation import Choice

pytest.importorskip("filelock", reason="the extra ui is not installed")
testing = pytest.importorskip("streamlit.testing.v1", reason="the extra ui is not installed")
from gca_scanpy._ui.desk import (  # noqa: E402
    Desk,
    bases,
    evidence,
    meant_label,
    offered_labels,
    plain,
    points,
    trail,
)

SCRIPT = str(files("gca_scanpy") / "_ui" / "review_app.py")


@pytest.fixture
def app(annotated_file, monkeypatch):
    """The page of a file, opened by its address."""
    monkeypatch.setattr(sys, "argv", [SCRIPT, str(annotated_file), "gptca"])
    monkeypatch.setenv("GCA_REVIEW_TOKEN", "secret")

    def opened(token="secret", **address):
        page = testing.AppTest.from_file(SCRIPT, default_timeout=60)
        for name, value in {"token": token, **address}.items():
            page.query_params[name] = value
        page.run()
        assert not page.exception
        return page

    return opened


def _radio(page):
    return next(radio for radio in page.radio if radio.label == "Decision")


def test_accept_and_reopen(app, annotated_file):
    """One click accepts and goes on to the next open cluster; another opens it again."""
    page = app()
    first = page.session_state.current
    page.text_input(key="who").set_value("Ada")
    page.button(key="save").click().run()
    assert page.session_state.current != first
    assert page.success[0].value.startswith("Saved\\: ☑ ")
    assert page.session_state.desk.decided[first].who == "Ada"
    page.selectbox[0].set_value(first).run()
    page.button(key="reopen").click().run()
    assert page.session_state.current == first
    assert list(gca.get.curation(anndata.read_h5ad(annotated_file))["kind"]) == ["accepted", "reopened"]


@pytest.fixture
def stopped(annotated, annotated_file):
    """The same file, in which the checks stopped the label of cluster "2"."""
    report = gca.get.report(annotated)
    cluster = report.cluster("2")
    annotation = evolve(cluster.annotation, primary_label="Unknown or Novel", ontology_id=None)
    flagged = evolve(cluster, annotation=annotation, status="flagged", confidence_score=0.4)
    clusters = tuple(flagged if one is cluster else one for one in report.clusters)
    annotated.uns["gptca"]["report"] = _codec.to_json(evolve(report, clusters=clusters))
    label = annotated.obs["gptca_label"].astype(object)
    annotated.obs["gptca_label"] = label.where(annotated.obs["cluster"] != "2", "Unknown or Novel").astype("category")
    annotated.write_h5ad(annotated_file)
    return cluster


@pytest.mark.parametrize(("kind", "becomes"), [("Accept", None), ("Keep unknown", "Unknown or Novel")])
def test_accepting_a_stopped_label(app, annotated_file, stopped, kind, becomes):
    """One click accepts the proposed label, with its term; another choice accepts that the cluster is unknown."""
    page = app()
    assert page.session_state.current == "2"
    assert _radio(page).value == "Accept"
    if kind != "Accept":
        _radio(page).set_value(kind).run()
    wanted = becomes or stopped.annotation.proposed_label
    assert [caption.value.replace("\\", "") for caption in page.caption if "will be" in caption.value] == [
        f"The curated label will be: {wanted}"
    ]
    page.button(key="save").click().run()
    assert not page.error
    trail = gca.get.curation(anndata.read_h5ad(annotated_file)).loc["2"]
    assert trail["to_label"] == wanted
    assert (trail["to_ontology_id"] == stopped.annotation.ontology_id) == (kind == "Accept")


@pytest.mark.parametrize(("wanted", "shown"), [("3", "3"), ("none", None)])
def test_the_address_of_a_cluster(app, wanted, shown):
    """The address names the cluster that is shown; without one that exists, the first by need is shown."""
    page = app(cluster=wanted)
    current = page.session_state.current
    assert current == (shown or page.session_state.desk.order()[0])
    assert page.query_params["cluster"] in (current, [current])


def test_mixed_needs_a_note(app, annotated_file):
    """Without one nothing is saved, and the page says what is missing; with one, it is."""
    page = app()
    first = page.session_state.current
    _radio(page).set_value("Mixed").run()
    page.button(key="save").click().run()
    assert "say which types are in it" in page.error[0].value
    page.text_area[0].set_value("T cells and monocytes").run()
    page.button(key="save").click().run()
    assert not page.error
    assert gca.get.curation(anndata.read_h5ad(annotated_file)).loc[first, "why"] == "T cells and monocytes"


def test_a_second_tab_that_is_behind(app):
    """It is told that the file was saved elsewhere, and shows it when asked."""
    one, two = app(), app()
    one.button(key="save").click().run()
    two.run()
    assert "saved elsewhere" in two.info[0].value
    two.button(key="reload").click().run()
    assert not two.info
    assert len(two.session_state.desk.decided) == 1


def test_without_the_token(app):
    """Nothing of the file is shown."""
    page = app(token="guess")
    assert [error.value for error in page.error] == ["Open this page with the whole address that `gca review` printed."]
    assert not page.button
    assert "desk" not in page.session_state


def test_a_file_without_embedding(app, annotated, annotated_file):
    """The page says that there is no picture, and works."""
    del annotated.obsm["X_umap"], annotated.obsm["X_pca"]
    annotated.write_h5ad(annotated_file)
    page = app()
    assert "no embedding" in page.info[0].value
    page.button(key="save").click().run()
    assert page.success


def test_the_order_of_need(annotated, tmp_path):
    """Open before decided; flagged, unknown, supported; the less sure first. The next is one that is open."""
    annotated.obs["cluster"] = annotated.obs["cluster"].cat.add_categories("alone")
    annotated.obs.loc["cell0", "cluster"] = "alone"
    gca.tl.annotate(annotated, "cluster", tissue="blood")
    annotated.write_h5ad(tmp_path / "c.h5ad")
    desk = Desk.open(tmp_path / "c.h5ad", "gptca")
    assert desk.order()[0] == "alone"
    scores = [desk.report.cluster(name).confidence_score for name in desk.order()[1:]]
    assert scores == sorted(scores)
    desk.save(Choice("alone", "accepted"), "Ada")
    assert desk.order()[-1] == "alone"
    assert desk.next_open("alone") == desk.order()[0]
    assert desk.title("alone") == "☑ alone: Unknown or Novel (1 cell)"
    assert desk.title("0") == "☐ ✓ 0: B cell (29 cells)"
    for name in "0123":
        desk.save(Choice(name, "accepted"), "Ada")
    assert desk.next_open("2") == "2"


def test_a_file_that_is_annotated_again(annotated, annotated_file):
    """The desk looks at the new cells, too."""
    desk = Desk.open(annotated_file, "gptca")
    annotated.obs["cluster"] = annotated.obs["cluster"].cat.rename_categories({"0": "zero"})
    gca.tl.annotate(annotated, "cluster")
    annotated.write_h5ad(annotated_file)
    assert desk.is_behind()
    desk.refresh()
    assert "zero" in desk.order()
    assert "zero" in set(desk.cells.obs["cluster"])


def test_names_that_are_offered(annotated):
    """The run's own ideas first, then every term and its synonyms; each means a term, or the words themselves."""
    offered = offered_labels(gca.get.report(annotated).clusters[0])
    assert next(iter(offered.items())) == ("B cell (CL:0000236)", "CL:0000236")
    assert offered["plasmacytoid dendritic cell (CL:0000784)"] == "CL:0000784"
    assert offered["pDC → plasmacytoid dendritic cell (CL:0000784)"] == "CL:0000784"
    assert len(offered) > 5000


def test_the_levels_of_the_path_are_offered(annotated, with_path):
    """They come first, the finest guess before the broader ones, each once."""
    cluster = with_path(gca.get.report(annotated).clusters[0])
    offered = offered_labels(cluster)
    levels = [f"{level.label} ({level.ontology_id})" for level in reversed(cluster.path)]
    assert list(offered)[: len(levels)] == levels
    assert [offered[text] for text in levels] == [level.ontology_id for level in reversed(cluster.path)]


def test_the_path_among_the_evidence(annotated, with_path):
    """Each level has its probability; the label and the finest guess are marked, and so is a stopped label."""
    report = gca.get.report(annotated)
    cluster = with_path(report.clusters[0])
    page = evidence(evolve(report, clusters=(cluster,)), cluster.cluster_id)
    rows = re.findall(r"<tr.*?</tr>", page[page.index("gca-path") :], re.DOTALL)[: len(cluster.path)]
    for row, level in zip(rows, cluster.path):
        assert level.label in row
        assert f"</meter> {level.probability:.2f}" in row
    assert [re.findall('gca-tag">([^<]*)', row) for row in rows] == [[], ["label"], [], ["finest guess"]]
    note = evolve(cluster.annotation, primary_label="Unknown or Novel", ontology_id=None)
    stopped = evolve(cluster, status="flagged", annotation=note)
    page = evidence(evolve(report, clusters=(stopped,)), cluster.cluster_id)
    rows = re.findall(r"<tr.*?</tr>", page[page.index("gca-path") :], re.DOTALL)[: len(cluster.path)]
    assert [re.findall('gca-tag">([^<]*)', row) for row in rows] == [[], ["stopped label"], [], ["finest guess"]]
    assert "gca-path" not in evidence(evolve(report, clusters=(evolve(cluster, path=()),)), cluster.cluster_id)


def test_what_a_term_and_words_mean():
    """Either may be left out; words beside a term have it, and words beside an idea without a term take its place."""
    assert meant_label("CL:0000784", " ") == "CL:0000784"
    assert meant_label("", "my own type") == "my own type"
    assert meant_label("CL:0000784", "activated pDC") == "activated pDC (CL:0000784)"
    assert meant_label("an idea", "my own type") == "my own type"
    assert meant_label("", "") == ""


def test_a_term_in_own_words(app, annotated_file):
    """The label is as the curator writes it, with the term that is chosen beside it."""
    page = app()
    first = page.session_state.current
    _radio(page).set_value("Change").run()
    page.button(key="save").click().run()
    assert "label is empty" in page.error[0].value
    term = next(box for box in page.selectbox if box.label == "Cell Ontology term")
    term.set_value("plasmacytoid dendritic cell (CL:0000784)").run()
    words = next(box for box in page.text_input if box.label == "Or in your own words")
    words.set_value("activated pDC").run()
    page.button(key="save").click().run()
    assert not page.error
    trail = gca.get.curation(anndata.read_h5ad(annotated_file)).loc[first]
    assert (trail["to_label"], trail["to_ontology_id"]) == ("activated pDC", "CL:0000784")


def test_points_of_a_large_object(annotated, monkeypatch):
    """Of many cells some of each cluster are drawn, and those of the chosen one by a count of their own."""
    monkeypatch.setattr("gca_scanpy._ui.desk.MOST_POINTS", 30)
    monkeypatch.setattr("gca_scanpy._ui.desk.MOST_CHOSEN", 10)
    annotated.obsm["X_umap"][5] = float("nan")
    drawn = points(annotated, gca.get.report(annotated), "X_umap", "0")
    assert drawn["chosen"].sum() == 10
    assert (~drawn["chosen"]).sum() == 30
    assert set(drawn["cluster"]) == {"0", "1", "2", "3"}
    assert drawn[["x", "y"]].notna().all().all()
    assert set(drawn.loc[drawn["chosen"], "label"]) == {"B cell"}
    assert bases(annotated) == ["X_umap", "X_pca"]
    pd.testing.assert_frame_equal(drawn, points(annotated, gca.get.report(annotated), "X_umap", "0"))


def test_evidence_is_escaped(hostile_file):
    """No text of a report becomes markup."""
    desk = Desk.open(hostile_file, "gptca")
    desk.save(Choice("0", "changed", "<b>x</b>", "<i>why</i>"), "<u>Ada</u>")
    page = evidence(desk.report, "0") + trail(desk.report, "0")
    for markup in ("<img", "<script", "<b>x", "<i>", "<u>"):
        assert markup not in page
    for said in ("&lt;b&gt;x&lt;/b&gt;", "&lt;i&gt;why", "&lt;u&gt;Ada", "&lt;img src=x"):
        assert said in page
    assert plain("a_b\n[c](d)") == r"a\_b \[c\]\(d\)"


def test_a_file_without_tissue(app, annotated, annotated_file):
    """`gca annotate` without --tissue, the default: the page opens, and a decision is saved."""
    gca.tl.annotate(annotated, "cluster")
    assert "tissue" not in gca.get.report(annotated).parameters
    annotated.write_h5ad(annotated_file)
    page = app()
    page.button(key="save").click().run()
    assert not page.exception
    assert page.success


def test_flags_are_in_words(annotated):
    """Reason codes are explained, candidates and genes for and against are named."""
    annotated.obs["cluster"] = annotated.obs["cluster"].cat.add_categories("alone")
    annotated.obs.loc["cell0", "cluster"] = "alone"
    gca.tl.annotate(annotated, "cluster", tissue="blood")
    report = gca.get.report(annotated)
    assert "The cluster has no marker gene." in evidence(report, "alone")
    first = evidence(report, "0")
    assert all(gene in first for gene in report.cluster("0").validation.supporting_markers)
    assert all(candidate.label in first for candidate in report.cluster("0").candidates[:5])
    pair = report.cluster("1").contrasts[0]
    second = evidence(report, "1")
    for side in (pair.first, pair.second):
        assert f"for {side.label}:" in second
        assert ", ".join(side.expressed or side.open) in second


def test_the_witnesses_of_each_gene(app, annotated):
    """Each supporting gene has a sign and its witnesses in words; the switch leaves out the genes without one."""
    report = gca.get.report(annotated)
    key = report.cluster("0").annotation.ontology_id
    witnesses = {**report.witnesses[key], "CD79A": model.Witnesses(key), "CD79B": model.Witnesses(key, ("asctb",))}
    report = evolve(report, witnesses={**report.witnesses, key: witnesses})
    page = evidence(report, "0")
    assert '<td class="gca-genes">CD79A</td><td>no witness</td>' in page
    assert 'title="stated by ASCT+B"><span aria-hidden="true">●</span>&nbsp;CD79B</span>' in page
    only = evidence(report, "0", only_witnessed=True)
    assert "CD79B" in only
    assert "no witness</td>" not in only
    assert "</span>&nbsp;CD79A</span>" not in only
    older = evidence(evolve(report, witnesses={}), "0")
    assert "CD79A" in older
    assert "itness" not in older
    opened = app()
    opened.checkbox(key="witnessed").check().run()
    assert not opened.exception
    opened.button(key="after").click().run()
    assert opened.checkbox(key="witnessed").value
