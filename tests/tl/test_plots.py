"""Scanpy's own plots work on the result."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

import gca_scanpy as gca


@pytest.fixture
def labeled(pbmc):
    """Label the bundled PBMC data."""
    with gca.settings.override(force_unknown=False):
        gca.tl.annotate(pbmc, groupby="louvain", tissue="blood")
    yield pbmc
    plt.close("all")


@pytest.mark.filterwarnings("ignore")
def test_umap_of_label_and_confidence(labeled):
    """sc.pl.umap draws the labels with a legend entry each, and the confidence."""
    import scanpy as sc

    figure = sc.pl.umap(labeled, color=["gptca_label", "gptca_confidence"], show=False, return_fig=True)
    texts = {text.get_text() for axes in figure.axes if axes.get_legend() for text in axes.get_legend().get_texts()}
    assert set(labeled.obs["gptca_label"].cat.categories) <= texts
    colors = dict(zip(labeled.obs["gptca_label"].cat.categories, labeled.uns["gptca_label_colors"]))
    assert colors["B cell"] == "#D17DB0"
    drawn = {mpl.colors.to_hex(color).upper() for color in figure.axes[0].collections[0].get_facecolors()}
    assert drawn == set(colors.values())


@pytest.mark.filterwarnings("ignore")
def test_dotplot_by_label(labeled):
    """sc.pl.dotplot groups by the label: a row for each."""
    import scanpy as sc

    axes = sc.pl.dotplot(labeled, ["CD79A", "NKG7", "LYZ"], groupby="gptca_label", show=False)
    rows = [text.get_text() for text in axes["mainplot_ax"].get_yticklabels()]
    assert sorted(rows) == sorted(labeled.obs["gptca_label"].cat.categories)
