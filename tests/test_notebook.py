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


def test_a_consensus_and_a_second_answer(cells, fake_model):
    """The votes of a consensus and both answers of a model have a row, with no name as HTML."""
    cells.obs["<i>a"] = cells.obs["planted"].astype(str).replace("B cell", "<u>B")
    gca.tl.consensus(cells, ["<i>a", "planted"], "cluster", terms={"<u>B": "B cell"})
    report = gca.get.report(cells, "consensus")
    shown = [report._repr_html_(), *(cluster._repr_html_() for cluster in report.clusters)]
    assert any("&lt;i&gt;a: &lt;u&gt;B (same); planted: B cell (same)" in text for text in shown)
    model = fake_model(label="T cell <s>")
    report = gca.annotate_markers(LISTS, model=gca.Asking(model, ask_again=True, cache=False))
    shown.append(report.clusters[0]._repr_html_())
    assert "fake-1: T cell &lt;s&gt; (stopped:" in shown[-1]
    assert not [text for text in shown if "<i>" in text or "<u>" in text or "<s>" in text]
