"""The picture of the labels on an embedding."""

from __future__ import annotations

import warnings

import anndata
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy import _codec
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, MissingKeyError
from gca_scanpy.pl._embedding import FEW

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def cells_with(report_with):
    """Make an annotated object with so many clusters in blobs of ten cells; the first cell has no cluster."""

    def make(n, name=str, obsm="X_umap"):
        report = report_with(n, name)
        report = evolve(report, parameters={**report.parameters, "groupby": "leiden"})
        rows = np.repeat(np.arange(n), 10)
        ids = [name(row) for row in rows]
        labels = [report.clusters[row].annotation.primary_label for row in rows]
        obs = pd.DataFrame(
            {"leiden": pd.Categorical(ids), "gptca_label": labels}, index=[f"c{i}" for i in range(10 * n)]
        )
        obs.loc["c0"] = np.nan
        rng = np.random.default_rng(0)
        places = 3 * n**0.5 * rng.normal(size=(n, 2))[rows] + rng.normal(size=(10 * n, 2))
        adata = anndata.AnnData(obs=obs, obsm={obsm: places})
        adata.uns["gptca"] = {"report": _codec.to_json(report), "schema_version": report.schema_version}
        return adata

    return make


def _listed(ax):
    """The texts beside the picture, by column."""
    columns = {}
    for text in ax.texts:
        if isinstance(text, mpl.text.Annotation):
            columns.setdefault(round(text.xyann[0]), []).append(text)
    return [[text.get_text() for text in texts] for texts in columns.values()]


def _named(ax):
    return {text.get_text(): text for text in ax.texts if not isinstance(text, mpl.text.Annotation)}


@pytest.mark.parametrize("n", [2, 12, 80])
def test_every_cluster_is_named_and_listed(cells_with, overlaps, n):
    """Each cluster is in the picture and in the list, and no text covers another, is cut off, or is below 6 points."""
    ax = gca.pl.umap(cells_with(n), show=False)
    assert overlaps(ax) == ([], [])
    assert min(text.get_fontsize() for text in ax.texts) >= 6
    ids = [name.split()[0] for name in _named(ax)]
    assert sorted(ids, key=int) == [str(i) for i in range(n)]
    listed = [text for column in _listed(ax) for text in column]
    assert {str(i) for i in range(n)} <= set(listed)
    assert ("0 · B cell" in _named(ax)) == (n <= FEW)
    assert max(ax.figure.get_size_inches()) < 13


def test_colors_marks_and_probabilities(cells_with):
    """Cells have the colors of their labels; flagged and unknown clusters have a mark and no probability."""
    adata = cells_with(3)
    ax = gca.pl.umap(adata, show=False)
    shown = {mpl.colors.to_hex(color).upper() for color in ax.collections[0].get_facecolors()}
    color = _bundled.palette().color
    clusters = gca.get.report(adata).clusters
    expected = {color(c.annotation.primary_label, c.annotation.ontology_id) for c in clusters}
    assert expected <= shown
    assert set(_named(ax)) == {"0 · B cell", "1 !", "2 ?"}
    listed = [text for column in _listed(ax) for text in column]
    assert f"{clusters[0].confidence_score:.2f}" in listed
    assert {"!", "?", "! flagged", "? unknown"} <= set(listed)


def test_a_curated_label_counts(pbmc):
    """The label of a curator is shown in its color, without a probability and a mark."""
    gca.tl.annotate(pbmc, "louvain", tissue="blood")
    gca.tl.curate(pbmc, {"7": "plasmacytoid dendritic cell"}, who="Ada")
    before = pbmc.copy()
    ax = gca.pl.umap(pbmc, show=False)
    assert "7 · pDC" in _named(ax)
    assert any("curated" in column for column in _listed(ax))
    assert "7 · plasmacytoid dendritic cell" in _named(
        gca.pl.umap(pbmc, labels="full", legend_loc="on data", show=False)
    )
    assert list(before.uns) == list(pbmc.uns)  # Scanpy writes colors; not into the object of the user
    assert before.obs.equals(pbmc.obs)


@pytest.mark.parametrize("name", ["X_tsne", "X_pca", "spatial", "X_umap_by_donor"])
def test_any_embedding(cells_with, name):
    """Without a name, the embedding that exists is drawn; a UMAP that does not is an error that lists the others."""
    adata = cells_with(3, obsm=name)
    ax = gca.pl.embedding(adata, show=False)
    assert len(ax.collections[0].get_offsets()) == adata.n_obs
    with pytest.raises(MissingKeyError, match=rf"no embedding 'umap'; \.obsm has: {name}"):
        gca.pl.umap(adata)
    del adata.obsm[name]
    with pytest.raises(MissingKeyError, match=r"no embedding of two dimensions; it has: none\. .* basis="):
        gca.pl.embedding(adata)


def test_names_in_the_picture(cells_with, overlaps):
    """With "on data", labels are in the picture as far as they have room; with None, only the ids are."""
    adata = cells_with(40)
    named = _named(gca.pl.umap(adata, legend_loc="on data", show=False))
    assert sum(name.endswith("B cell") for name in named) > 7
    assert len(named) == 40
    ax = gca.pl.umap(adata, legend_loc=None, show=False)
    assert (len(_named(ax)), _listed(ax)) == (40, [])
    assert overlaps(ax)[0] == []


def test_very_many_clusters_are_listed_by_their_labels(cells_with, monkeypatch):
    """The list has a row for each label, with the number of its clusters."""
    monkeypatch.setattr("gca_scanpy.pl._embedding.MOST", 14)
    columns = _listed(gca.pl.umap(cells_with(15), show=False))
    assert columns[0] == ["clusters", "5", "5", "5"]


def test_given_axes_save_and_return(cells_with, scanpy_settings, tmp_path):
    """The picture goes into given axes, to Scanpy's figure folder, and is returned as Scanpy's are."""
    adata = cells_with(3)
    scanpy_settings.file_format_figs = "png"
    ax = plt.subplots()[1]
    assert gca.pl.umap(adata, ax=ax, save=True) is ax
    assert (tmp_path / "figures" / "umap.png").exists()
    assert isinstance(gca.pl.umap(adata, return_fig=True, size=5, title="mine"), mpl.figure.Figure)


def test_what_is_refused(cells_with):
    """An option that this plot sets, one that Scanpy refuses, and changed labels are errors of our own."""
    adata = cells_with(3)
    with pytest.raises(InputError, match="color='leiden' is not for this plot"):
        gca.pl.umap(adata, color="leiden")
    with pytest.raises(InputError, match=r"scanpy\.pl\.embedding cannot draw with the options alpha"):
        gca.pl.umap(adata, alpha=5)
    adata.obs.loc["c5", "gptca_label"] = "T cell"
    with pytest.raises(InputError, match="differs from the report for 1 cells"):
        gca.pl.umap(adata)


def test_cells_without_a_place_or_a_cluster(cells_with):
    """A cluster without coordinates, and one that a subset lacks, are left out of the picture."""
    adata = cells_with(3)
    adata.obsm["X_umap"][20:] = np.nan
    assert set(_named(gca.pl.umap(adata, show=False))) == {"0 · B cell", "1 !"}
    ax = gca.pl.umap(adata[:10].copy(), show=False)
    assert set(_named(ax)) == {"0 · B cell"}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        ax.figure.canvas.draw()
