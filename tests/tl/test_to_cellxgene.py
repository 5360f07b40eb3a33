"""Cell Ontology ids in the column of CELLxGENE."""

from __future__ import annotations

import re

import anndata as ad
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import InputError, MissingKeyError

COLUMN = "cell_type_ontology_term_id"


@pytest.fixture
def annotated(cells):
    """Label cells, of which one has no cluster and one is a cluster without markers."""
    cells.obs["cluster"] = cells.obs["cluster"].astype(object)
    cells.obs.loc["cell0", "cluster"] = None
    cells.obs.loc["cell119", "cluster"] = "alone"
    gca.tl.annotate(cells, "cluster", tissue="blood")
    return cells


def test_the_column_is_as_the_schema_asks(annotated):
    """Categorical text: the id of the label, or "unknown"; no cell is left out, no category is unused."""
    assert gca.tl.to_cellxgene(annotated) is None
    column, ids = annotated.obs[COLUMN], annotated.obs["gptca_ontology_id"]
    assert isinstance(column.dtype, pd.CategoricalDtype)
    assert column.notna().all()
    assert all(re.fullmatch(r"CL:\d{7}|unknown", category) for category in column.cat.categories)
    assert set(column.cat.categories) == set(column)
    assert column[["cell0", "cell119"]].tolist() == ["unknown", "unknown"]
    labeled = ids.notna()
    assert labeled.sum() == 118
    assert (column[labeled].astype(str) == ids[labeled].astype(str)).all()


def test_only_the_column_is_written(annotated, content):
    """Everything else of the object stays as it was."""
    before = content(annotated)
    gca.tl.to_cellxgene(annotated)
    assert COLUMN in annotated.obs
    assert "cell_type" not in annotated.obs
    del annotated.obs[COLUMN]
    assert content(annotated) == before


def test_a_copy(annotated):
    """With copy, the object stays as it was and the copy is returned."""
    found = gca.tl.to_cellxgene(annotated, copy=True)
    assert COLUMN in found.obs
    assert COLUMN not in annotated.obs


def test_a_column_of_the_users_own_is_never_lost_silently(annotated):
    """An existing column is replaced only with overwrite=True."""
    annotated.obs[COLUMN] = "CL:0000000"
    with pytest.raises(InputError, match="already exists; pass overwrite=True"):
        gca.tl.to_cellxgene(annotated)
    assert set(annotated.obs[COLUMN]) == {"CL:0000000"}
    gca.tl.to_cellxgene(annotated, overwrite=True)
    assert "CL:0000236" in set(annotated.obs[COLUMN])


@pytest.mark.parametrize("term", ["CL:0000255", "CL:0000257", "CL:0000548"])
def test_terms_that_the_schema_forbids(annotated, term):
    """Cells labeled Eukaryotic, Eumycetozoan or animal cell get "unknown"."""
    annotated.obs["gptca_ontology_id"] = annotated.obs["gptca_ontology_id"].cat.rename_categories({"CL:0000236": term})
    gca.tl.to_cellxgene(annotated)
    assert set(annotated.obs.loc[annotated.obs["cluster"] == "0", COLUMN]) == {"unknown"}


def test_another_key_and_a_view(annotated):
    """The run under the given key is used; a view becomes an object of its own."""
    gca.tl.annotate(annotated, "cluster", key_added="mine")
    view = annotated[annotated.obs["cluster"] == "1"]
    gca.tl.to_cellxgene(view, "mine")
    assert not view.is_view
    term = gca.get.report(annotated, "mine").cluster("1").annotation.ontology_id
    assert gca.get.report(annotated, "mine").cluster("1").broad_ontology_id == "CL:0000084"
    assert set(view.obs[COLUMN]) == {term}


def test_curated_labels(annotated):
    """A curated term replaces the automatic one; a label without a term, and mixed cells, give "unknown"."""
    labels = {"0": "pDC", "1": "=my(type)"}
    gca.tl.curate(annotated, labels, mixed={"2": "monocytes, T cells"}, who="Ada", why="looked")
    gca.tl.to_cellxgene(annotated)
    obs = annotated.obs[annotated.obs["cluster"].notna()]
    ids = obs.groupby(obs["cluster"].astype(str))[COLUMN].agg(lambda s: s.iloc[0])
    assert dict(ids[["0", "1", "2"]]) == {"0": "CL:0000784", "1": "unknown", "2": "unknown"}
    assert ids["3"] == obs.loc[obs["cluster"] == "3", "gptca_ontology_id"].iloc[0]


@pytest.mark.parametrize("name", ["a.h5ad", "a.zarr"])
def test_files(annotated, tmp_path, name):
    """The column is written to a file and read back, as categories."""
    gca.tl.to_cellxgene(annotated)
    path = tmp_path / name
    annotated.write_h5ad(path) if name.endswith("h5ad") else annotated.write_zarr(path)
    back = ad.read_h5ad(path) if name.endswith("h5ad") else ad.read_zarr(path)
    assert back.obs[COLUMN].dtype.name == "category"
    assert back.obs[COLUMN].tolist() == annotated.obs[COLUMN].tolist()


def test_before_any_run(cells):
    """If there was no run, or a column of the run was removed, the error says what to call."""
    with pytest.raises(MissingKeyError, match=r"\.uns\['gptca'\]; run gca_scanpy\.tl\.annotate"):
        gca.tl.to_cellxgene(cells)
    gca.tl.annotate(cells, "cluster")
    del cells.obs["gptca_ontology_id"]
    with pytest.raises(MissingKeyError, match=r"no \.obs\['gptca_ontology_id'\]; run"):
        gca.tl.to_cellxgene(cells)
