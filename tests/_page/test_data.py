"""What the page's script is told."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import gca_scanpy as gca
from gca_scanpy._page.html import data_of
from gca_scanpy._page.view import view_of
from gca_scanpy._reporting.documents import csv_rows
from gca_scanpy.db import _bundled

SHORT = _bundled.shortener()


@pytest.fixture(scope="module")
def report():
    """Report of one cluster."""
    return gca.annotate_markers({"b": "MS4A1 CD79A CD79B BANK1 CD19".split()})


def _data(report):
    receipts = _bundled.receipts(report)
    return data_of(report, view_of(report, lambda label, term: "#010203", receipts, []), receipts, SHORT)


def test_the_clusters(report):
    """A cluster has its labels, its line of a CSV file, and the words that a search looks through."""
    data = json.loads(_data(report))
    (cluster,) = data["clusters"]
    assert {name: cluster[name] for name in ("anchor", "id", "label", "status")} == {
        "anchor": "cluster-b",
        "id": "b",
        "label": "B cell",
        "status": "supported",
    }
    assert [cluster["csv"]] == csv_rows(report, _bundled.receipts(report), SHORT)
    assert {"cluster b", "B cell", "CL:0000236", "MS4A1"} <= set(cluster["words"].split("\n"))
    levels = report.cluster("b").path
    assert {word for level in levels for word in (level.label, level.ontology_id)} <= set(cluster["words"].split("\n"))
    assert len(levels) > 1
    assert data["cells"] is None


@given(text=st.text() | st.sampled_from(["</script>", "<!--<script>", "]]>", "a\u2028b", "&lt;", "\ud83e"]))
def test_no_text_ends_the_element(report, text):
    """Whatever a text is, the JSON has no sign that HTML or JavaScript could take for its own, and gives it back."""
    cluster = evolve(report.clusters[0], cluster_id=text)
    found = _data(evolve(report, clusters=(cluster,)))
    assert not set("<>&\u2028\u2029") & set(found)
    assert json.loads(found)["clusters"][0]["id"] == text
