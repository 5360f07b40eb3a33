"""The picture of two labelings."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

import gca_scanpy as gca
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError, MissingKeyError
from gca_scanpy.pl._compare import RELATIONS
from gca_scanpy.pl._figure import mixed


@pytest.fixture
def labeled(cells):
    """Label the planted cells, and give them labels of a colleague, too."""
    gca.tl.annotate(cells, "cluster", tissue="blood")
    names = {"0": "naive B cell", "1": "T cells", "2": "blob", "3": "NK"}
    cells.obs["mine"] = cells.obs["cluster"].map(names).astype("category")
    return cells


def _cells(ax):
    """Give the number and the color of each cell by its row and column."""
    rows, columns = ([t.get_text() for t in names] for names in (ax.get_yticklabels(), ax.get_xticklabels()))
    colors = {
        (rows[int(p.get_y() + 0.5)], columns[int(p.get_x() + 0.5)]): p.get_facecolor()
        for p in ax.patches
        if isinstance(p, Rectangle)
    }
    return {(rows[int(t.get_position()[1])], columns[int(t.get_position()[0])]): t.get_text() for t in ax.texts}, colors


def test_numbers_and_colors(labeled):
    """Each cell has its count, and the color says how the two labels are related."""
    numbers, colors = _cells(gca.pl.compare(labeled, "gptca_broad_label", "mine", show=False))
    expected = {
        ("B cell", "naive B cell"): "kin",
        ("T cell", "T cells"): "exact",
        ("monocyte", "blob"): "no term",
        ("natural killer cell", "NK"): "exact",
    }
    assert numbers == dict.fromkeys(expected, "30")
    for pair, relation in expected.items():
        assert mpl.colors.to_hex(colors[pair]) == RELATIONS[relation][0].lower()


def test_the_order_and_the_figures(labeled):
    """Rows and columns follow the ontology, labels without a term last; the figures stand in the legend's title."""
    ax = gca.pl.compare(labeled, "gptca_broad_label", "mine", show=False)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["T cell", "natural killer cell", "B cell", "monocyte"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["T cells", "NK", "naive B cell", "blob"]
    title = ax.get_legend().get_title().get_text()
    assert title == "exact 50% · compatible 75% · no term 25% · adjusted Rand 1.00 · 120 cells"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        *(RELATIONS[key][1] for key in ("exact", "kin")),
        "no term: blob; give them with terms=",
    ]


def test_terms_that_are_told(labeled):
    """A label that the ontology does not know may be told its term, by id or by name."""
    for term in ("monocyte", "CL:0000576"):
        table = gca.get.agreement(labeled, "gptca_label", "mine", terms={"blob": term})
        assert table.loc[("monocyte", "blob"), "relation"] == "exact"
    _, colors = _cells(gca.pl.compare(labeled, "gptca_label", "mine", terms={"blob": "monocyte"}, show=False))
    assert mpl.colors.to_hex(colors["monocyte", "blob"]) == RELATIONS["exact"][0].lower()
    with pytest.raises(InputError, match=r"terms\['blob'\]='x' is neither the id nor a name"):
        gca.pl.compare(labeled, "gptca_label", "mine", terms={"blob": "x"})


def test_a_share_makes_it_strong(labeled):
    """A pair with half of a row's cells is half as strong; missing labels are left out and said."""
    mine = labeled.obs["mine"].astype(object).to_numpy().copy()
    mine[30:45] = "B cell"
    mine[:10] = None
    labeled.obs["mine"] = pd.Categorical(mine)
    ax = gca.pl.compare(labeled, "gptca_broad_label", "mine", show=False)
    _, colors = _cells(ax)
    assert colors["T cell", "B cell"][:3] == pytest.approx(mixed(RELATIONS["unrelated"][0], 0.12 + 0.88 / 2))
    assert "110 of 120 cells" in ax.get_legend().get_title().get_text()


@pytest.mark.no_cover
@pytest.mark.parametrize("n", [1, 5, 60])
@pytest.mark.parametrize("long", [False, True])
def test_nothing_covers_anything(labeled, overlaps, n, long):
    """No text covers another or is cut off, with 60 labels of 40 letters."""
    types = sorted(set(_bundled.database().facts["cell_type"]), key=len)
    types = types[-n:] if long else types[:n]
    rng = np.random.default_rng(0)
    big = labeled[rng.integers(0, labeled.n_obs, 400)].copy()
    big.obs_names_make_unique()
    big.obs["a"] = pd.Categorical(np.array(types)[rng.integers(0, n, 400)])
    big.obs["b"] = pd.Categorical(np.array(types)[rng.integers(0, n, 400)])
    ax = gca.pl.compare(big, "a", "b", show=False)
    pairs, outside = overlaps(ax)
    assert pairs == []
    assert outside == []


@pytest.mark.parametrize("name", ["$T_{reg}$", "a\nb", "x" * 10_000, "שלום", "细胞", r"\frac $"])
@pytest.mark.filterwarnings("ignore:Glyph")
def test_hostile_labels(labeled, name):
    """No label breaks the picture."""
    labeled.obs["mine"] = labeled.obs["mine"].cat.rename_categories({"blob": name})
    gca.pl.compare(labeled, "gptca_label", "mine", show=False).figure.canvas.draw()


def test_errors_axes_and_files(labeled, tmp_path):
    """What is missing is said; given axes, files and the figure work as elsewhere."""
    with pytest.raises(MissingKeyError, match="'nothing'"):
        gca.pl.compare(labeled, "gptca_label", "nothing")
    labeled.obs["early"] = pd.Categorical(["B cell"] * 30 + [None] * 90)
    labeled.obs["late"] = pd.Categorical([None] * 90 + ["B cell"] * 30)
    with pytest.raises(InputError, match="no cell has both a label in"):
        gca.pl.compare(labeled, "early", "late")
    ax = plt.subplots()[1]
    assert gca.pl.compare(labeled, "mine", "mine", ax=ax, save=tmp_path / "c.png") is ax
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    assert isinstance(gca.pl.compare(labeled, "mine", "mine", return_fig=True), mpl.figure.Figure)


def test_large_counts_are_short():
    """A count has at most four letters."""
    from gca_scanpy.pl._compare import _short

    assert [_short(n) for n in (1, 9999, 10_000, 123_456, 1_234_567)] == ["1", "9999", "10k", "123k", "1.23M"]
