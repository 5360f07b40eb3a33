"""``annotate_anndata``, the older name of ``tl.annotate``."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import DeprecatedNameWarning, MissingKeyError

ignored = pytest.mark.filterwarnings("ignore::gca_scanpy.errors.DeprecatedNameWarning")


@ignored
def test_the_older_name_gives_what_todays_gives(cells):
    """It writes the same columns under its own names of the arguments, and returns the report."""
    other = cells.copy()
    report = gca.annotate_anndata(
        cells, "cluster", species="Homo sapiens", tissue="Peripheral blood", top_n_markers=5, result_prefix="old"
    )
    gca.tl.annotate(other, "cluster", tissue="Peripheral blood", n_markers=5, key_added="old")
    pd.testing.assert_frame_equal(cells.obs, other.obs)
    assert report == gca.get.report(cells, "old")


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
def test_an_error_leaves_the_object_as_it_was(cells, content):
    """No key is written if the column does not exist."""
    before = content(cells)
    with pytest.raises(MissingKeyError, match="planted"):
        gca.annotate_anndata(cells, "leiden", species="human")
    assert content(cells) == before


@ignored
def test_an_old_marker_table(cells, lineages):
    """A table with the columns of GPT Cell Annotator's marker_db.parquet is understood."""
    table = pd.DataFrame(
        [
            {"source": "Lab", "cell_type": name, "ontology_id": None, "gene_symbol": gene, "species": "Homo sapiens"}
            for name, genes in lineages.items()
            for gene in genes
        ]
    ).assign(tissue="Blood", evidence="curated", reference=None, evidence_score="high")
    report = gca.annotate_anndata(cells, "cluster", species="human", tissue="blood", marker_db=table)
    assert [c.annotation.primary_label for c in report.clusters] == list(lineages)
    assert report.provenance.database_version != gca.db.load().version
