"""What a notebook shows of reports, clusters and plans: a short text and an escaped table."""

from __future__ import annotations

import gca_scanpy as gca

LISTS = {"<b>0</b>": ["MS4A1", "CD79A", "CD79B", "BANK1"], "1": ["ZNF10"]}


def test_a_report_and_its_clusters():
    """A row per cluster; no name of a cluster becomes HTML; the text is one line."""
    report = gca.annotate_markers(LISTS, tissue="blood")
    assert repr(report) == "<DatasetReport: 2 clusters: 1 supported, 0 flagged, 1 unknown>"
    shown = report._repr_html_()
    assert shown.count("<tr>") == 3
    assert "<b>" not in shown
    assert "&lt;b&gt;0&lt;/b&gt;" in shown
    assert "B cell" in shown
    cluster = report.clusters[1]
    assert repr(cluster).startswith("<ClusterReport '1': Unknown or Novel, Low 0.00, unknown")
    assert "what would settle it" in cluster._repr_html_()
    assert "<b>" not in report.clusters[0]._repr_html_()


def test_many_clusters_are_cut():
    """A report of hundreds of clusters shows the first ones, and how many more there are."""
    report = gca.annotate_markers({str(n): ["MS4A1", "CD79A"] for n in range(203)})
    assert "and 3 more rows" in report._repr_html_()


def test_a_plan(fake_model):
    """A row per request, below what would be sent."""
    plan = gca.plan_markers(LISTS, model=gca.Asking(fake_model(), cache=False))
    assert "Nothing was sent" in plan._repr_html_()
    assert plan._repr_html_().count("<tr>") == 2
    assert "<b>" not in plan._repr_html_()
