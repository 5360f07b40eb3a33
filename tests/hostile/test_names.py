"""Cluster ids, genes, labels and contexts that attack whoever shows, stores or sends them."""

from __future__ import annotations

import json
import warnings

import anndata as ad
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import GcaError

HOSTILE = [
    "<script>alert(1)</script>",
    "../../etc",
    "/etc/passwd",
    "'; DROP TABLE cells; --",
    "=cmd|'/c calc'!A1",
    "\u202etxt.exe",
    "a\x1b[31mred\x1b[0m",
    "line\nbreak\rand\ttab",
    "nul\x00inside",
    "{{7*7}}",
    "%s%n$HOME`id`",
    "x" * 100_000,
    "\U0001f9ec" * 50,
    "e\u0301",
    "\u00e9",
]
B_CELL = ["MS4A1", "CD79A", "CD79B", "CD19", "PAX5", "BANK1"]
MONOCYTE = ["LYZ", "S100A8", "S100A9", "CD14", "FCN1", "VCAN"]


def planted():
    """Hostile clusters, B cells and monocytes in turn, so that a label on the wrong one would show."""
    markers = {key: (B_CELL, MONOCYTE)[i % 2] for i, key in enumerate(HOSTILE)}
    return markers, {key: ("B cell", "monocyte")[i % 2] for i, key in enumerate(HOSTILE)}


def test_clusters_of_any_name_have_their_own_labels():
    """Every id comes back as it went in, once, with its own label; two that only look alike stay two."""
    markers, truth = planted()
    report = gca.annotate_markers(markers, tissue="blood")
    found = {c.cluster_id: c.annotation.proposed_label for c in report.clusters}
    assert list(found) == HOSTILE
    assert all(truth[key].split()[0] in found[key] for key in HOSTILE)


def test_the_report_holds_any_name(tmp_path):
    """The JSON file reads back equal, and nothing is written beside it whatever the ids are."""
    report = gca.annotate_markers(planted()[0], tissue="blood")
    gca.io.to_json(report, tmp_path / "r.json")
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]
    assert gca.io.read_report(tmp_path / "r.json") == report


@pytest.mark.parametrize("label", [name for name in HOSTILE if "\x00" not in name])
def test_labels_of_the_user_may_be_anything(cells, label):
    """A label to validate, 100,000 characters long or full of marks, is no cell type; it is said and nothing breaks."""
    cells.obs["mine"] = label
    gca.tl.validate(cells, "cluster", "mine", tissue="blood")
    report = gca.get.report(cells)
    assert {c.annotation.proposed_label for c in report.clusters} == {label.strip()} or len(label) > 1000
    assert not any(c.status == "supported" for c in report.clusters)
    assert len(gca.get.clusters(cells)) == 4


JUNK = [
    "text",
    3,
    None,
    [1, 2],
    {},
    {"report": 5},
    {"report": "{"},
    {"report": "[]"},
    {"report": json.dumps({"schema_version": "99.0"})},
    {"report": json.dumps({"schema_version": "1.1", "clusters": "x"})},
    {"report": '{"schema_version": ' + "[" * 5000},
    {"report": "9" * 100_000},
    {"": "", "NK/T cell": {"report": {}}},
]


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_junk_under_our_key(cells, junk):
    """What lies under our key in .uns and is not ours: reading it is one of our errors, annotating anew replaces it."""
    cells.uns["gptca"] = junk
    with pytest.raises(GcaError):
        gca.get.report(cells)
    gca.tl.annotate(cells, "cluster")
    assert len(gca.get.report(cells).clusters) == 4


def test_a_file_with_junk_under_our_key(cells, tmp_path):
    """The same through a file, as it comes from elsewhere, with a column of ours that is not ours."""
    cells.uns["gptca"] = {"report": "{", "more": [1, 2, 3]}
    cells.obs["gptca_label"] = range(cells.n_obs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cells.write_h5ad(tmp_path / "a.h5ad")
    back = ad.read_h5ad(tmp_path / "a.h5ad")
    gca.tl.annotate(back, "cluster")
    assert set(back.obs["gptca_label"].unique()) == {c.annotation.primary_label for c in gca.get.report(back).clusters}
