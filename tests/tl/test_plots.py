"""Scanpy's own plots work on the result."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

import gca_scanpy as gca


@pytest.fixture
def labelled(pbmc):
    """Label the bundled PBMC data."""
    gca.tl.annotate(pbmc, groupby="louvain", tissue="blood", force_unknown=False)
    yield pbmc
    plt.close("all")


@pytest.mark.filterwarnings("ignore")
def test_umap_of_label_and_confidence(labelled):
    """sc.pl.umap draws the labels with a legend entry each, and the confidence."""
    import scanpy as sc

    figure = sc.pl.umap(labelled, color=["gptca_label", "gptca_confidence"], show=False, return_fig=True)
    texts = {text.get_text() for axes in figure.axes if axes.get_legend() for text in axes.get_legend().get_texts()}
    assert set(labelled.obs["gptca_label"].cat.categories) <= texts
    colours = dict(zip(labelled.obs["gptca_label"].cat.categories, labelled.uns["gptca_label_colors"]))
    assert colours["B cell"] == "#D17DB0"
    drawn = {mpl.colors.to_hex(colour).upper() for colour in figure.axes[0].collections[0].get_facecolors()}
    assert drawn == set(colours.values())


@pytest.mark.filterwarnings("ignore")
def test_dotplot_by_label(labelled):
    """sc.pl.dotplot groups by the label: a row for each."""
    import scanpy as sc

    axes = sc.pl.dotplot(labelled, ["CD79A", "NKG7", "LYZ"], groupby="gptca_label", show=False)
    rows = [text.get_text() for text in axes["mainplot_ax"].get_yticklabels()]
    assert sorted(rows) == sorted(labelled.obs["gptca_label"].cat.categories)
