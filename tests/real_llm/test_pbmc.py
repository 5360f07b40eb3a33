"""SmolLM2-135M knows little biology: every cluster comes back once, under its own id, and its nonsense is caught."""

from __future__ import annotations

import pytest

import gca_scanpy as gca
from gca_scanpy.db import _bundled

TRUE = {
    "CD4+/CD25 T Reg": "T cell",
    "CD4+/CD45RA+/CD25- Naive T": "T cell",
    "CD4+/CD45RO+ Memory": "T cell",
    "CD8+ Cytotoxic T": "T cell",
    "CD8+/CD45RA+ Naive Cytotoxic": "T cell",
    "CD14+ Monocyte": "monocyte",
    "CD19+ B": "B cell",
    "CD34+": "hematopoietic precursor cell",
    "CD56+ NK": "natural killer cell",
    "Dendritic": "dendritic cell",
}
pytestmark = pytest.mark.filterwarnings("ignore::gca_scanpy._errors.ModelWarning")


@pytest.fixture
def model(server_url):
    """The small model, with the patience that two cores need."""
    return gca.LanguageModel("smollm2", base_url=server_url, timeout=300, deadline=600)


def _related(cluster):
    """Whether the label is of the group's own lineage."""
    ontology = _bundled.ontology()
    label, truth = ontology.resolve(cluster.annotation.proposed_label), ontology.resolve(TRUE[cluster.cluster_id])
    return label is not None and ontology.related(label, truth)


def test_pbmc68k(model, pbmc, tmp_path):
    """Schema and all: each cluster once, under its own id; what is wrong is flagged; a second run sends none."""
    options = {"tissue": "blood", "model": model, "chunk_size": 5, "n_threads": 1, "cache": tmp_path}
    gca.tl.annotate(pbmc, "bulk_labels", **options)
    report = gca.get.report(pbmc)
    assert sorted(c.cluster_id for c in report.clusters) == sorted(TRUE)
    answered = [c for c in report.clusters if c.source == "model"]
    assert len(answered) >= 5
    assert report.telemetry.completion_tokens > 0
    assert not report.telemetry.invented_clusters
    for cluster in report.clusters:
        assert _related(cluster) or cluster.status != "supported", cluster
    asked = report.telemetry.requests
    assert asked <= 2 + report.telemetry.reasked
    gca.tl.annotate(pbmc, "bulk_labels", **{**options, "max_requests": 8})
    assert gca.get.report(pbmc).telemetry.cache_hits == len(answered)


@pytest.mark.parametrize("mode", ["json", "text"])
def test_other_modes(model, mode, lineages):
    """Without a schema the real server still gives a label or none, under the cluster's own id."""
    model._mode = mode
    report = gca.annotate_markers({"1": lineages["B cell"]}, tissue="blood", model=model, cache=False)
    assert [c.cluster_id for c in report.clusters] == ["1"]
    assert all(c.source == "model" or "llm_unavailable" in c.validation.flag_reasons for c in report.clusters)
