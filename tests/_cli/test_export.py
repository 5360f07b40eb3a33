"""``gca export``: the report of a file that was annotated, and maybe reviewed, earlier."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import gca_scanpy


@pytest.fixture
def reviewed(cells, tmp_path):
    """A file with a decision about one cluster."""
    gca_scanpy.tl.annotate(cells, "cluster")
    gca_scanpy.tl.curate(cells, {"0": "pDC"}, who="Ada")
    cells.write_h5ad(tmp_path / "reviewed.h5ad")
    return tmp_path / "reviewed.h5ad"


def test_a_reviewed_file_is_exported(gca, reviewed, tmp_path):
    """Each format has the curated label, the table too, and the file stays as it is."""
    before = reviewed.read_bytes()
    names = {"json": "new/r.json", "csv": "r.csv", "html": "r.html"}
    reports = [text for kind, name in names.items() for text in (f"--{kind}-report", name)]
    done = gca("export", reviewed, *reports, "--cas-json", "cas.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "curated label" in done.stdout
    assert reviewed.read_bytes() == before
    report = gca_scanpy.io.read_report(tmp_path / "new" / "r.json")
    assert [decision.to_label for decision in report.audit] == ["plasmacytoid dendritic cell"]
    assert pd.read_csv(tmp_path / "r.csv")["curated_label"].dropna().tolist() == ["plasmacytoid dendritic cell"]
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<title>reviewed.h5ad · cluster · Cell types of 4 clusters</title>" in page
    assert "curated: <bdi>plasmacytoid dendritic cell" in page
    labels = {entry["cell_label"] for entry in json.loads((tmp_path / "cas.json").read_text())["annotations"]}
    assert {"plasmacytoid dendritic cell", "B cell"} <= labels


def test_references(gca, reviewed, tmp_path):
    """What to cite is written as text, or as BibTeX if the file ends in .bib."""
    for name, start in (("cite.txt", "Software and ontology"), ("new/cite.bib", "@article{diehl2016cell,")):
        done = gca("export", reviewed, "--references", name)
        assert (done.returncode, done.stderr) == (0, "")
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert text.startswith(start)
        assert "10.1093/database/baz046" in text


def test_what_cannot_be_exported(fails, reviewed):
    """Another key is named; nothing is replaced without --force."""
    assert "no report in .uns['mine']" in fails("export", reviewed, "--key", "mine")
    assert "it is an input" in fails("export", reviewed, "--json-report", reviewed)


@pytest.mark.parametrize(("labels", "shown"), [("full", "natural killer cell"), ("short", "NK")])
def test_full_or_short_names(gca, reviewed, tmp_path, labels, shown):
    """--labels chooses the names in the table on stdout and in the page."""
    done = gca("export", reviewed, "--html-report", "r.html", "--labels", labels)
    assert f" {shown} " in done.stdout
    assert f"<bdi>{shown}</bdi>" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert f"curated: <bdi>{'pDC' if labels == 'short' else 'plasmacytoid dendritic cell'}</bdi>" in (
        tmp_path / "r.html"
    ).read_text(encoding="utf-8")
