"""Reports as HTML pages."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import anndata
import numpy as np
import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy._reporting.references import HOME
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, MissingKeyError

VOID = {"meta", "rect", "circle", "input"}
HOMES = "|".join(map(re.escape, [HOME, *(one.home for one in _bundled.public_sources().values() if one.home)]))
LINK = re.compile(
    r"#clusters|#cluster-[\w.~%*-]{0,200}|https://purl\.obolibrary\.org/obo/CL_\d{7}|https://doi\.org/10\.[\w.;:()/%-]+|"
    + HOMES,
    re.ASCII,
)


class Page(HTMLParser):
    """The elements, attributes and texts of a page; an element that is not closed in its place is an error."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.text = [], [], ""  # open: elements not yet closed
        self.styles, self.scripts = [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        """An element begins."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """An element that is closed at once."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        """The innermost element ends, and no other."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Text, a style sheet, a script or its data."""
        if self.open and self.open[-1] in ("style", "script"):
            (self.styles if self.open[-1] == "style" else self.scripts).append(data)
        else:
            self.text += data

    def values(self, tag, name):
        """All values of an attribute."""
        return [attrs[name] for found, attrs in self.elements if found == tag and name in attrs]


def _title(html):
    return re.search("<title>(.*?)</title>", html, re.DOTALL)[1]


def test_the_title(cells, tmp_path):
    """The title tells which data and which clusters a page shows: the given name, or that of the file, and groupby."""
    gca.tl.annotate(cells, "cluster", tissue="blood")
    rest = "cluster · Cell types of 4 clusters"
    gca.io.to_html(cells, tmp_path / "patient 1.html")
    assert _title((tmp_path / "patient 1.html").read_text(encoding="utf-8")) == f"patient 1 · {rest}"
    assert _title(gca.io.to_html(cells)) == rest
    assert _title(gca.io.to_html(cells, title="<b>.h5ad")) == f"&lt;b&gt;.h5ad · {rest}"
    cells.write_h5ad(tmp_path / "cells.h5ad")
    assert _title(gca.io.to_html(anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r"))) == f"cells.h5ad · {rest}"
    report = gca.annotate_markers({"0": ["MS4A1"]})
    assert _title(gca.io.to_html(report, title="L" * 500)) == f"{'L' * 80} · Cell types of 1 cluster"


def test_the_page_of_an_annotated_object(cells, tmp_path):
    """The file has every cluster with label, term, genes, candidates and provenance; no other file is left."""
    gca.tl.annotate(cells, "cluster", tissue="blood", key_added="mine")
    assert gca.io.to_html(cells, tmp_path / "r.html", key="mine") is None
    html = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert html == gca.io.to_html(cells, key="mine", title="r")
    page, report = Page(html), gca.get.report(cells, "mine")
    for cluster in report.clusters:
        for text in (
            cluster.annotation.primary_label,
            cluster.annotation.ontology_id,
            cluster.annotation.rationale,
            cluster.status,
            f"{cluster.confidence_score:.2f} {cluster.confidence}",
            *cluster.validation.supporting_markers,
            *cluster.validation.missing_markers,
            *cluster.validation.contradictory_markers,
            *(candidate.label for candidate in cluster.candidates),
        ):
            assert text in page.text
    assert report.provenance.database_sha256 in page.text
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]
    with pytest.raises(MissingKeyError, match="gptca"):
        gca.io.to_html(cells)


def test_hostile_texts_stay_text(hostile):
    """No text of a report becomes an element, an attribute or an address, or leaves the page torn."""
    html = gca.io.to_html(hostile)
    page = Page(html)
    plain = Page(gca.io.to_html(evolve(hostile, clusters=())))
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in plain.elements} | set(
        "a article bdi circle dd div dt h4 ol p rect small svg table tbody td th tr".split()
    )
    names = {name for _, attrs in page.elements for name in attrs}
    assert not [name for name in names if name.startswith("on") or name in ("style", "src", "srcset", "action")]
    assert [link for link in page.values("a", "href") if not LINK.fullmatch(link)] == []
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for cluster in hostile.clusters:
        shown = re.sub("[\0\x07\x1b\ud83e]", "\ufffd", cluster.cluster_id)
        assert page.text.count(shown) > 20
    html.encode("utf-8")


def _source(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_page_loads_and_runs_nothing(report):
    """The policy allows the very style sheet and script that are there, and nothing else; nothing else is there."""
    page = Page(gca.io.to_html(report))
    policy = dict(part.split(" ", 1) for part in page.values("meta", "content")[0].split("; "))
    data, script = page.scripts
    assert policy == {
        "default-src": "'none'",
        "style-src": _source("".join(page.styles)),
        "script-src": _source(script),
        "connect-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert [attrs["type"] for tag, attrs in page.elements if tag == "script"] == ["application/json", "module"]
    assert len(json.loads(data)["clusters"]) == len(report.clusters)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|fetch\(|import\(", script)
    assert "url(" not in "".join(page.styles)
    assert "@import" not in "".join(page.styles)
    assert {tag for tag, _ in page.elements}.isdisjoint({"link", "img", "iframe", "object", "embed", "form"})


def test_the_same_report_is_the_same_page(report):
    """A page depends on nothing but its report."""
    assert gca.io.to_html(report) == gca.io.to_html(report)


def test_letters_from_right_to_left_turn_nothing_round(hostile):
    """Each text of a report is isolated: its letters cannot reorder those beside it."""
    html = gca.io.to_html(hostile)
    assert html.count("\u202e") > 20
    assert re.findall(r"<(?!bdi|script)[^<>]*>[^<>]*\u202e", html) == []


def test_cells_that_are_not_known_have_no_column(report, cells):
    """The column of cells is there where cells were counted, and only there."""
    gca.tl.annotate(cells, "cluster")
    heading = '<th scope="col" class="number" data-sort="number">Cells</th>'
    assert heading in gca.io.to_html(cells)
    assert heading not in gca.io.to_html(report)


def test_a_report_without_clusters(report):
    """No cluster is a page, too."""
    assert "Cell types of" in Page(gca.io.to_html(evolve(report, clusters=()))).text


def test_a_folder_that_is_not_there(report, tmp_path):
    """A path in a folder that is not there is an OSError of that path."""
    with pytest.raises(FileNotFoundError):
        gca.io.to_html(report, tmp_path / "no" / "r.html")


def _cells(page):
    return json.loads(Page(page).scripts[0])["cells"]


class TestCells:
    """The embedding in the page."""

    def test_the_usual_one(self, annotated, content):
        """UMAP is shown where there is one, else what there is; a report alone has none; the object stays as it was."""
        assert _cells(gca.io.to_html(annotated)) is None
        annotated.obsm["X_pca"] = np.arange(2.0 * annotated.n_obs).reshape(-1, 2)
        before = content(annotated)
        assert _cells(gca.io.to_html(annotated))["name"] == "PCA"
        assert content(annotated) == before
        annotated.obsm["X_umap"] = annotated.obsm["X_pca"][:, ::-1]
        cells = _cells(gca.io.to_html(annotated))
        report = gca.get.report(annotated)
        assert (cells["name"], cells["counts"]) == ("UMAP", [*(c.n_cells for c in report.clusters), 1])
        assert _cells(gca.io.to_html(report)) is None

    @pytest.mark.parametrize("basis", ["mine", "X_mine"])
    def test_one_that_is_named(self, annotated, basis, tmp_path):
        """An embedding is named with or without its X_."""
        annotated.obsm["X_mine"] = np.zeros((annotated.n_obs, 2))
        gca.io.to_html(annotated, tmp_path / "r.html", basis=basis)
        assert "mine of the cells" in (tmp_path / "r.html").read_text(encoding="utf-8")

    def test_labels_that_were_changed(self, annotated):
        """Cells that no longer have the report's labels are not drawn, and the page says why; asked for, an error."""
        annotated.obsm["X_umap"] = np.zeros((annotated.n_obs, 2))
        annotated.obs["gptca_label"] = "mine"
        page = gca.io.to_html(annotated)
        assert _cells(page) is None
        assert "The cells are not drawn: .obs['gptca_label'] differs from the report" in Page(page).text
        with pytest.raises(InputError, match="differs from the report"):
            gca.io.to_html(annotated, basis="umap")

    def test_what_cannot_be_shown(self, annotated):
        """An embedding that is not there, and one of a report, are errors."""
        with pytest.raises(MissingKeyError, match="no embedding 'umap'"):
            gca.io.to_html(annotated, basis="umap")
        with pytest.raises(InputError, match="a report has no cells"):
            gca.io.to_html(gca.get.report(annotated), basis="umap")


def test_short_labels(tmp_path):
    """The page has short names, the full name with the evidence and in the search, and the same CSV."""
    genes = {"t": "CD8A CD8B CCL7 GZMK CD3D CD3E CD27 EOMES".split(), "n": "NKG7 GNLY KLRD1 KLRF1 NCAM1 PRF1".split()}
    report = gca.annotate_markers(genes, tissue="blood")
    full, short = (gca.io.to_html(report, labels=labels) for labels in ("full", "short"))
    assert full == gca.io.to_html(report)
    name = report.cluster("n").annotation.primary_label
    assert (name, gca.names.short(report.cluster("n").annotation.ontology_id)) == ("natural killer cell", "NK")
    parsed = {text: json.loads(re.search(r'id="data">(.*?)</script>', text)[1]) for text in (full, short)}
    assert [cluster["label"] for cluster in parsed[short]["clusters"]][1] == "NK"
    assert {"NK", name} <= set(parsed[short]["clusters"][1]["words"].split("\n"))
    assert [c["csv"] for c in parsed[full]["clusters"]] == [c["csv"] for c in parsed[short]["clusters"]]
    assert "full name" in Page(short).text
    assert "full name" not in Page(full).text
    with pytest.raises(InputError, match="must be one of: full, short"):
        gca.io.to_html(report, labels="tiny")
