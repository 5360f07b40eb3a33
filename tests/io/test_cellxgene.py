"""Cell Ontology ids for CELLxGENE."""

from __future__ import annotations

import re

import anndata as ad
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import InputError, MissingKeyError

COLUMN = "cell_type_ontology_term_id"


def test_the_column_is_as_the_schema_asks(annotated):
    """Categorical text: the id of the label, or "unknown"; no cell is left out, no category is unused."""
    assert gca.io.to_cellxgene(annotated) is None
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
    gca.io.to_cellxgene(annotated)
    assert COLUMN in annotated.obs
    assert "cell_type" not in annotated.obs
    del annotated.obs[COLUMN]
    assert content(annotated) == before


def test_a_copy(annotated):
    """With copy, the object stays as it was and the copy is returned."""
    found = gca.io.to_cellxgene(annotated, copy=True)
    assert COLUMN in found.obs
    assert COLUMN not in annotated.obs


def test_a_column_of_the_users_own_is_never_lost_silently(annotated):
    """A column that is there is replaced where that is asked for only."""
    annotated.obs[COLUMN] = "CL:0000000"
    with pytest.raises(InputError, match="already there; pass overwrite=True"):
        gca.io.to_cellxgene(annotated)
    assert set(annotated.obs[COLUMN]) == {"CL:0000000"}
    gca.io.to_cellxgene(annotated, overwrite=True)
    assert "CL:0000236" in set(annotated.obs[COLUMN])


@pytest.mark.parametrize("term", ["CL:0000255", "CL:0000257", "CL:0000548"])
def test_terms_that_the_schema_forbids(annotated, term):
    """Eukaryotic, Eumycetozoan and animal cell are unknown, too."""
    annotated.obs["gptca_ontology_id"] = annotated.obs["gptca_ontology_id"].cat.rename_categories({"CL:0000236": term})
    gca.io.to_cellxgene(annotated)
    assert set(annotated.obs.loc[annotated.obs["cluster"] == "0", COLUMN]) == {"unknown"}


def test_another_key_and_a_view(annotated):
    """It reads the run that is named, and makes an object of its own of a view."""
    gca.tl.annotate(annotated, "cluster", key_added="mine")
    view = annotated[annotated.obs["cluster"] == "1"]
    gca.io.to_cellxgene(view, "mine")
    assert not view.is_view
    assert set(view.obs[COLUMN]) == {"CL:0000084"}


@pytest.mark.parametrize("name", ["a.h5ad", "a.zarr"])
def test_files(annotated, tmp_path, name):
    """The column is written to a file and read back, as categories."""
    gca.io.to_cellxgene(annotated)
    path = tmp_path / name
    annotated.write_h5ad(path) if name.endswith("h5ad") else annotated.write_zarr(path)
    back = ad.read_h5ad(path) if name.endswith("h5ad") else ad.read_zarr(path)
    assert back.obs[COLUMN].dtype.name == "category"
    assert back.obs[COLUMN].tolist() == annotated.obs[COLUMN].tolist()


def test_before_any_run(cells):
    """Before any run the error says what to call, and where a column is gone, too."""
    with pytest.raises(MissingKeyError, match=r"\.uns\['gptca'\]; run gca_scanpy\.tl\.annotate"):
        gca.io.to_cellxgene(cells)
    gca.tl.annotate(cells, "cluster")
    del cells.obs["gptca_ontology_id"]
    with pytest.raises(MissingKeyError, match=r"no \.obs\['gptca_ontology_id'\]; run"):
        gca.io.to_cellxgene(cells)
