"""``annotate_anndata`` as scripts for GPT Cell Annotator call it."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import DeprecatedNameWarning, InputError, MissingKeyError

SCRIPT = """
from gca_scanpy import BatchOptions, DiskAnnotationCache, GuardrailConfig, annotate_anndata

result = annotate_anndata(
    adata,
    cluster_key="cluster",
    species="Homo sapiens",
    tissue="Peripheral blood",
    top_n_markers=5,
    result_prefix="old",
    batch_options=BatchOptions(chunk_size=16),
    guardrails=GuardrailConfig(min_marker_overlap=2),
    annotation_cache=DiskAnnotationCache(root),
    request_id="run-1",
    progress_callback=seen.append,
)
labels = result.adata.obs[["old_label", "old_status"]]
summary = result.report.summary
"""
ignored = pytest.mark.filterwarnings("ignore::gca_scanpy.errors.DeprecatedNameWarning")


@ignored
def test_an_old_script_runs_with_one_changed_import(cells, tmp_path):
    """The script of the old guide gives what today's call gives, under its own names, and writes no cache."""
    other, seen = cells.copy(), []
    names = {"adata": cells, "root": tmp_path / "cache", "seen": seen}
    exec(SCRIPT, names)
    gca.tl.annotate(other, "cluster", tissue="Peripheral blood", n_markers=5, key_added="old", min_support=2)
    pd.testing.assert_frame_equal(cells.obs, other.obs)
    result = names["result"]
    assert result.adata is cells
    assert result.report == gca.get.report(cells, "old")
    assert result.report.provenance.request_id == "run-1"
    assert [entry["primary_label"] for entry in result.annotations] == gca.get.clusters(cells, "old")["label"].tolist()
    assert (result.stats["clusters"], result.stats["requests"], seen) == (4, 0, [4])
    assert not (tmp_path / "cache").exists()


def test_the_warning_points_at_the_line_of_the_user(cells):
    """It is a DeprecationWarning and one of ours, names what is called instead, and stands at the call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gca.annotate_anndata(cells, "cluster", species="human")
    (found,) = [one for one in caught if issubclass(one.category, DeprecatedNameWarning)]
    assert issubclass(found.category, DeprecationWarning)
    assert issubclass(found.category, gca.GcaWarning)
    assert found.filename == __file__
    assert "gca_scanpy.tl.annotate(adata, groupby='cluster')" in str(found.message)


@ignored
def test_what_an_annotator_did(cells):
    """A mock one answers offline, whatever the settings name; a live one is an error that says what to do."""
    with gca.settings.override(model="openai:gpt-4.1-mini"):  # without a key: it would be an error to ask it
        mock = SimpleNamespace(llm_mode="mock")
        result = gca.annotate_anndata(cells, "cluster", species="human", annotator=mock)
    assert {c.source for c in result.report.clusters} == {"offline"}
    with pytest.raises(InputError, match="name the model"):
        gca.annotate_anndata(cells, "cluster", species="human", annotator=SimpleNamespace(llm_mode="live"))


@ignored
def test_a_live_annotator_leaves_the_object_as_it_was(cells, content):
    """No key is written where the call is refused, and none where a column is not there."""
    before = content(cells)
    with pytest.raises(InputError):
        gca.annotate_anndata(cells, "cluster", species="human", annotator=object())
    with pytest.raises(MissingKeyError, match="planted"):
        gca.annotate_anndata(cells, "leiden", species="human")
    assert content(cells) == before


@ignored
def test_an_old_marker_table(cells, lineages, tmp_path):
    """A table with the columns of marker_db.parquet is understood, as a DataFrame and as a file."""
    table = pd.DataFrame(
        [
            {"source": "Lab", "cell_type": name, "ontology_id": None, "gene_symbol": gene, "species": "Homo sapiens"}
            for name, genes in lineages.items()
            for gene in genes
        ]
    ).assign(tissue="Blood", evidence="curated", reference=None, evidence_score="high")
    table.to_csv(tmp_path / "markers.csv", index=False)
    for given in ({"marker_db": table}, {"marker_db_path": tmp_path / "markers.csv"}):
        result = gca.annotate_anndata(cells, "cluster", species="human", tissue="blood", **given)
        assert [c.annotation.primary_label for c in result.report.clusters] == list(lineages)
        assert result.report.provenance.database_version != gca.db.load().version


@ignored
@pytest.mark.parametrize("older", [{"chunk_size": 3}, {"size": 3, "concurrency": 1}])
@pytest.mark.parametrize("make", [gca.BatchOptions, SimpleNamespace])
def test_options_of_both_generations(cells, monkeypatch, make, older):
    """Both forms that the old options had reach the question, of ours and of the old package's own class."""
    given = {}
    monkeypatch.setattr(gca.tl, "annotate", lambda adata, groupby, **options: given.update(options))
    monkeypatch.setattr(gca.get, "report", lambda adata, key: None)
    gca.annotate_anndata(cells, "cluster", species="human", batch_options=make(**older))
    assert (given["chunk_size"], given["n_threads"]) == (3, older.get("concurrency", 8))
