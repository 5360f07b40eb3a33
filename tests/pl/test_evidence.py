"""The dot plot of the evidence."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import InputError, MissingKeyError

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def labeled(cells):
    """Label the planted cells."""
    gca.tl.annotate(cells, "cluster", tissue="blood")
    return cells


def _names(axes):
    ax = axes["mainplot_ax"]
    return [t.get_text() for t in ax.get_yticklabels()], [t.get_text() for t in ax.get_xticklabels()]


def _headings(axes):
    return [text.get_text() for text in axes["gene_group_ax"].texts]


def test_each_label_has_its_strongest_markers(labeled):
    """Rows are the clusters, columns the strongest supporting markers under the label, both in one order."""
    axes = gca.pl.evidence(labeled, n_genes=2, show=False)
    rows, genes = _names(axes)
    report = gca.get.report(labeled)
    labels = [report.cluster(key).annotation.primary_label for key in "1302"]
    assert labels[1:] == ["natural killer cell", "B cell", "monocyte"]
    assert rows == [f"{key} · {label}" for key, label in zip("1302", labels)]
    assert _headings(axes) == labels
    expected = [g for key in "1302" for g in report.cluster(key).validation.supporting_markers[:2]]
    assert genes == expected


def test_clusters_of_one_label_share_its_markers(plant):
    """A label of two clusters has one group of columns, of markers of both."""
    adata = plant((30, 30, 30, 30, 30))
    gca.tl.annotate(adata, "cluster", tissue="blood")
    axes = gca.pl.evidence(adata, n_genes=3, show=False)
    rows, genes = _names(axes)
    assert [row.split(" · ")[1] for row in rows].count("B cell") == 2
    assert _headings(axes).count("B cell") == 1
    assert len(genes) == 12


def test_genes_that_are_gone_are_left_out(labeled):
    """What the object no longer has is not drawn; where nothing is left, the error says so."""
    gone = gca.get.report(labeled).cluster("0").validation.supporting_markers
    fewer = labeled[:, ~labeled.var_names.isin(gone)].copy()
    axes = gca.pl.evidence(fewer, show=False)
    assert "B cell" not in _headings(axes)
    assert len(_names(axes)[0]) == 4
    with pytest.raises(InputError, match="no label of these clusters has a supporting marker"):
        gca.pl.evidence(fewer, clusters=["0"])


def test_symbols_layer_and_duplicates(labeled):
    """Symbols in .var, twice there, and another layer: the values are those of the first row of that layer."""
    labeled.var["feature_name"] = list(labeled.var_names)
    twice = labeled[:, [*range(labeled.n_vars), 0]].copy()
    twice.var_names = [f"ENSG{i:011d}" for i in range(twice.n_vars)]
    twice.layers["double"] = twice.X * 2
    gene = twice.var["feature_name"].iloc[0]
    plot = gca.pl.evidence(twice, layer="double", clusters=["0"], n_genes=50, return_fig=True)
    row = plot.dot_color_df.loc["0 · B cell", gene]
    own = twice[(twice.obs["cluster"] == "0").to_numpy()]
    assert row == pytest.approx(float(own.layers["double"][:, 0].mean()), rel=1e-4)
    with pytest.raises(MissingKeyError, match="no layer 'x'"):
        gca.pl.evidence(twice, layer="x")


def test_the_matrix_of_the_run(pbmc):
    """Where nothing else is said, the plot shows .raw, which the run ranked."""
    gca.tl.annotate(pbmc, "louvain", tissue="blood")
    plot = gca.pl.evidence(pbmc, return_fig=True)
    column = plot.dot_color_df.columns[0]
    row = plot.dot_color_df.index[0].split(" · ")[0]
    own = pbmc.raw[(pbmc.obs["louvain"] == row).to_numpy(), column].X
    assert plot.dot_color_df.iloc[0, 0] == pytest.approx(float(own.mean()), rel=1e-4)
    plt.close("all")


def test_options_go_to_scanpy(labeled, tmp_path):
    """Other options are Scanpy's; return_fig gives its plot; saving and the key work as elsewhere."""
    gca.tl.annotate(labeled, "cluster", key_added="mine")
    plot = gca.pl.evidence(labeled, key="mine", standard_scale="var", return_fig=True)
    assert type(plot).__name__ == "DotPlot"
    assert plot.dot_color_df.to_numpy().max() == pytest.approx(1)
    gca.pl.evidence(labeled, show=False, save=tmp_path / "e.png")
    assert (tmp_path / "e.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(MissingKeyError, match="'other'"):
        gca.pl.evidence(labeled, key="other")


def test_the_object_stays(labeled, content):
    """Drawing changes nothing of the object."""
    before = content(labeled)
    gca.pl.evidence(labeled, show=False)
    assert content(labeled) == before


@pytest.mark.no_cover
@pytest.mark.parametrize("name", ["$T_{reg}$", "a\nb", "x" * 3000, "שלום", "CD4-positive, CD25-positive, regulatory T"])
def test_long_and_hostile_names_are_inside(labeled, name):
    """Names of any kind are drawn whole inside the figure, headings and rows."""
    labeled.obs["cluster"] = labeled.obs["cluster"].cat.rename_categories({"0": name})
    gca.tl.annotate(labeled, "cluster", tissue="blood")
    axes = gca.pl.evidence(labeled, show=False)
    fig = axes["mainplot_ax"].figure
    fig.draw_without_rendering()
    box = fig.bbox
    for text in [*axes["gene_group_ax"].texts, *axes["mainplot_ax"].get_yticklabels()]:
        own = text.get_window_extent()
        assert own.x0 >= box.x0 - 1, text.get_text()
        assert own.y1 <= box.y1 + 1, text.get_text()


def test_cells_without_a_cluster(labeled):
    """Cells without a cluster are in no row."""
    labeled.obs["cluster"] = pd.Categorical(labeled.obs["cluster"].where(labeled.obs["cluster"] != "2"))
    rows, _ = _names(gca.pl.evidence(labeled, show=False))
    assert [row[0] for row in rows] == ["1", "3", "0"]
