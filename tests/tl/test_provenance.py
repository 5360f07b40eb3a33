"""The report records what was used, not what was asked for."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import MissingClusterWarning, MissingKeyError, ModelWarning, RankingWarning


def used(adata, **options):
    """The report of a run on a copy."""
    return gca.get.report(gca.tl.annotate(adata, "cluster", copy=True, **options))


def test_the_ranking_that_was_used(cells):
    """Method, key, matrix and column of symbols are those of the ranking that was used."""
    import scanpy as sc

    keys = ("method", "rank_key", "use_raw", "layer", "gene_symbols")
    assert [used(cells).parameters.get(key) for key in keys] == ["t-test", None, "False", None, None]
    sc.tl.rank_genes_groups(cells, "cluster", method="wilcoxon")
    with pytest.warns(RankingWarning, match="method='logreg' is not used"):
        report = used(cells, method="logreg")
    assert [report.parameters.get(key) for key in keys] == ["wilcoxon", "rank_genes_groups", "False", None, None]
    assert any("method='logreg' is not used" in text for text in report.warnings)
    cells.raw = cells.copy()
    del cells.uns["rank_genes_groups"]
    cells.raw.var["mine"] = [name.lower() for name in cells.var_names]
    report = used(cells, gene_symbols="mine", method="logreg")
    assert [report.parameters.get(key) for key in keys] == ["logreg", None, "True", None, "mine"]


def test_logreg_of_two_clusters(plant):
    """If a t-test replaces logreg, the report has the t-test."""
    assert used(plant((30, 30)), method="logreg").parameters["method"] == "t-test"


def test_a_rank_key_that_is_not_there(cells, content):
    """A rank_key that is not there is an error, and nothing is written."""
    before = content(cells)
    with pytest.raises(MissingKeyError, match=r"no \.uns\['mine'\]; rankings in \.uns: none"):
        gca.tl.annotate(cells, "cluster", rank_key="mine")
    assert content(cells) == before


@pytest.mark.parametrize("species", ["human", "Homo sapiens", " HUMAN "])
def test_the_species_that_was_used(cells, species):
    """The species is recorded as the database calls it."""
    assert used(cells, species=species).parameters["species"] == "human"
    assert gca.annotate_markers({"0": ["MS4A1", "CD79A"]}, species=species).parameters["species"] == "human"


def test_the_database_that_was_used(cells, tmp_path):
    """Version and hash are those of the table that was used."""
    own = pd.DataFrame({"cell_type": ["B cell"] * 3, "gene": ["MS4A1", "CD79A", "CD79B"]})
    bundled, mine = used(cells).provenance, used(cells.copy(), marker_db="bundled").provenance
    assert bundled.database_sha256 == mine.database_sha256
    other = used(cells, marker_db=own).provenance
    assert other.database_sha256 != bundled.database_sha256
    assert len(other.database_sha256) == len(hashlib.sha256().hexdigest())


def test_the_model_that_was_used(cells, fake_model, outage):
    """Only models that answered are recorded; one that was down, or was not asked, labeled nothing."""
    good, down = fake_model(), fake_model("fake-2", error=outage)
    assert used(cells, model=good).provenance.model == "fake-1"
    with pytest.warns(ModelWarning):
        assert used(cells, model=down).provenance.model is None
    with pytest.warns(ModelWarning):
        assert used(cells, model=[good, down]).provenance.model == "fake-1"
    unused = fake_model("fake-3")
    report = used(cells, model=gca.Asking(unused, escalate="unsure"), tissue="blood")
    assert (report.provenance.model is None) == (unused.calls == 0)


def test_the_groups_that_were_used(cells):
    """Groups are recorded as ids, in the order of the data."""
    assert used(cells, groups=[2, "0"]).parameters["groups"] == "['0', '2']"


@pytest.mark.parametrize(("n_missing", "is_said"), [(0, False), (6, False), (7, True), (60, True)])
def test_cells_without_a_cluster(cells, n_missing, is_said):
    """More than a twentieth of the cells without a cluster: said with the number, in the report as well."""
    import warnings

    by_barcode = pd.Series(cells.obs["cluster"].to_numpy(), index=cells.obs_names)
    by_barcode.index = [f"{name}-1" if i < n_missing else name for i, name in enumerate(cells.obs_names)]
    cells.obs["matched"] = by_barcode.reindex(cells.obs_names).astype("category")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", MissingClusterWarning)
        gca.tl.annotate(cells, "matched")
    messages = [str(w.message) for w in caught if w.category is MissingClusterWarning]
    assert len(messages) == is_said
    assert all(f"{n_missing} of 120 cells have no cluster in .obs['matched']" in text for text in messages)
    assert list(gca.get.report(cells).warnings) == messages
    assert int(np.sum(cells.obs["gptca_label"].isna())) == n_missing
