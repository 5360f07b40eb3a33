"""What would be sent, without sending it."""

from __future__ import annotations

import pytest

import gca_scanpy as gca
from gca_scanpy._llm.prompt import Plan
from gca_scanpy.errors import InputError


def test_nothing_is_sent_or_written(cells, content, fake_model, tmp_path):
    """A plan asks no model, changes no byte of the object, and makes no cache folder."""
    model, before = fake_model(), content(cells)
    plan = gca.tl.plan(cells, "cluster", model=gca.Asking(model, cache=tmp_path / "cache"))
    assert isinstance(plan, Plan)
    assert (plan.n_requests, model.calls) == (1, 0)
    assert content(cells) == before
    assert not (tmp_path / "cache").exists()


def test_it_is_what_annotate_sends(cells, fake_model):
    """The messages of the plan are those that annotate sends, with every option of the ranking."""
    sent = []

    class Listening(fake_model):
        def complete(self, messages, schema):
            sent.append(tuple(messages))
            return super().complete(messages, schema)

    options = {"n_markers": 5, "layer": "counts", "groups": ["0", "2"], "tissue": "blood"}
    asking = gca.Asking(Listening(), context="a healthy donor", cache=False)
    with pytest.warns(gca.errors.RawCountsWarning):
        plan = gca.tl.plan(cells, "cluster", model=asking, **options)
    with pytest.warns(gca.errors.RawCountsWarning):
        gca.tl.annotate(cells, "cluster", model=asking, **options)
    assert [request.messages for request in plan.requests] == sent


def test_without_a_model(cells, lineages):
    """Nothing would be sent: all clusters are answered offline."""
    plan = gca.tl.plan(cells, "cluster")
    assert (plan.n_requests, plan.models, plan.offline) == (0, (), ("0", "1", "2", "3"))
    assert gca.plan_markers(lineages, model="offline").offline == tuple(lineages)


def test_what_the_offline_scorer_is_sure_of(cells, fake_model):
    """With escalate="unsure", the plan leaves out what would not be asked."""
    plan = gca.tl.plan(cells, "cluster", model=gca.Asking(fake_model(), escalate="unsure", cache=False), tissue="blood")
    assert set(plan.offline) | {key for r in plan.requests for key in r.cluster_ids} == {"0", "1", "2", "3"}
    assert plan.offline


def test_bad_arguments(cells):
    """What annotate refuses, the plan refuses."""
    with pytest.raises(InputError, match="n_markers=0"):
        gca.tl.plan(cells, "cluster", n_markers=0)


def test_unsure_is_what_the_report_shows(pbmc, fake_model):
    """Every cluster without a supported label of High confidence is asked about, also if a rival bounds that."""
    gca.tl.annotate(pbmc, "bulk_labels", tissue="blood")
    clusters = gca.get.report(pbmc).clusters
    sure = {one.cluster_id for one in clusters if one.status == "supported" and one.confidence == "High"}
    plan = gca.tl.plan(pbmc, "bulk_labels", tissue="blood", model=gca.Asking(fake_model(), escalate="unsure"))
    asked = {key for request in plan.requests for key in request.cluster_ids}
    assert asked == {one.cluster_id for one in clusters} - sure
    assert sure
