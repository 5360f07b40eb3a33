"""SmolLM2-135M knows little biology: each cluster gets one answer under its own id, and wrong answers are caught."""

from __future__ import annotations

import httpx
import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy._llm.wires import formats
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
pytestmark = pytest.mark.filterwarnings("ignore::gca_scanpy.errors.ModelWarning")


@pytest.fixture
def make(server_url, monkeypatch):
    """Make the small model under a name, with the time that two cores need, and few tokens for reasoning."""
    monkeypatch.setattr(formats, "SPARE_TOKENS", 100)  # in text mode the model writes until its limit
    return lambda name="smollm2": gca.LanguageModel(name, base_url=server_url, timeout=120, deadline=240)


@pytest.fixture
def ask(pbmc, tmp_path):
    """Label the groups and give the report, after a check that it has every group and supports no wrong label."""

    def labeled(model, groups=None, **options):
        asking = gca.Asking(model, **{"n_threads": 1, "cache": tmp_path, **options})
        gca.tl.annotate(pbmc, "bulk_labels", tissue="blood", groups=groups, model=asking)
        report = gca.get.report(pbmc)
        assert sorted(c.cluster_id for c in report.clusters) == sorted(groups or TRUE)
        assert not report.telemetry.invented_clusters
        for cluster in report.clusters:
            assert cluster.status != "supported" or _related(cluster), cluster
            unanswered = cluster.source == "offline" and options.get("escalate") != "unsure"
            assert not unanswered or "llm_unavailable" in cluster.validation.flag_reasons, cluster
        return report

    return labeled


def _related(cluster):
    """Whether the label and the group have related terms."""
    ontology = _bundled.ontology()
    label, truth = ontology.resolve(cluster.annotation.proposed_label), ontology.resolve(TRUE[cluster.cluster_id])
    return label is not None and ontology.related(label, truth)


def _send_nothing(monkeypatch):
    def refuse(*_, **__):
        pytest.fail("a request was sent")

    monkeypatch.setattr(httpx.Client, "send", refuse)


def test_one_by_one(make, ask, monkeypatch):
    """Each group has its own request; the answers are cached, and a second run sends nothing."""
    first = ask(model=make(), chunk_size=1)
    answered = {c.cluster_id: c.annotation.proposed_label for c in first.clusters if c.source == "model"}
    assert len(answered) >= 5
    assert first.telemetry.requests == len(TRUE) + first.telemetry.reasked
    assert first.telemetry.completion_tokens > 0
    _send_nothing(monkeypatch)
    second = ask(model=make(), chunk_size=1, groups=list(answered))
    assert (second.telemetry.requests, second.telemetry.cache_hits) == (0, len(answered))
    assert {c.cluster_id: c.annotation.proposed_label for c in second.clusters} == answered


def test_together(make, ask):
    """With the default chunk size several groups share a request, and each still has its own answer or none."""
    report = ask(model=make(), groups=["CD19+ B", "CD34+", "CD56+ NK"])
    assert report.telemetry.requests <= 1 + report.telemetry.reasked
    assert set(report.telemetry.cluster_tokens) == {"CD19+ B", "CD34+", "CD56+ NK"}


def test_plan(make, pbmc, content, monkeypatch):
    """The plan has all groups; nothing is sent or written."""
    _send_nothing(monkeypatch)
    before = content(pbmc)
    plan = gca.tl.plan(pbmc, "bulk_labels", tissue="blood", model=gca.Asking(make(), chunk_size=4, cache=False))
    assert [len(request.cluster_ids) for request in plan.requests] == [4, 4, 2]
    assert sorted(key for request in plan.requests for key in request.cluster_ids) == sorted(TRUE)
    assert content(pbmc) == before


def test_unsure(make, ask, pbmc):
    """Only the groups that the scorer is unsure of are asked about; the others have its label."""
    gca.tl.annotate(pbmc, "bulk_labels", tissue="blood")
    offline = {c.cluster_id: c for c in gca.get.report(pbmc).clusters}
    sure = {key for key, c in offline.items() if c.status == "supported" and c.confidence == "High"}
    report = ask(model=make(), chunk_size=1, escalate="unsure")
    assert 0 < len(sure) < len(TRUE)
    assert set(report.telemetry.cluster_tokens) == set(TRUE) - sure
    for cluster in report.clusters:
        if cluster.cluster_id in sure:
            assert cluster.annotation == offline[cluster.cluster_id].annotation


def test_panel(make, ask):
    """The server under two names counts as two models, and the panel of an answered group has the answer of each."""
    models = [make("one"), make("two")]
    groups = ["CD14+ Monocyte", "CD19+ B", "CD34+"]  # the model may leave one unanswered
    report = ask(model=models, chunk_size=1, groups=groups)
    panels = [cluster.panel for cluster in report.clusters if cluster.source == "model"]
    assert panels
    for panel in panels:
        assert [answer.model for answer in panel.answers] == [model.name for model in models]
        assert 0 <= panel.agreement <= 1
    assert report.telemetry.requests == 2 * len(groups) + report.telemetry.reasked


@pytest.mark.parametrize("mode", ["json", "text"])
def test_other_modes(make, ask, mode):
    """Without a schema the server still gives a label or none, under the id of the group."""
    model = make()
    model._form = evolve(model._form, mode=mode)
    report = ask(model=model, groups=["CD19+ B"])
    assert report.telemetry.requests == 1 + report.telemetry.reasked  # the server accepts this mode at once
    assert model._form.mode == mode
