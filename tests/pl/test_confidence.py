"""The picture of the confidence."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy._reporting.display import LEVELS, STATUSES
from gca_scanpy.errors import InputError, MissingKeyError


@pytest.mark.parametrize("n", [1, 11, 60])
def test_a_bar_for_each_cluster(report_with, n):
    """Each bar is as long as the score, in the color of the level, with the mark of the status, first on top."""
    report = report_with(n)
    ax = gca.pl.confidence(report, show=False)
    assert [bar.get_width() for bar in ax.patches] == [c.confidence_score for c in report.clusters]
    colors = [mpl.colors.to_rgba(LEVELS[c.confidence].plot) for c in report.clusters]
    assert [bar.get_facecolor() for bar in ax.patches] == colors
    assert [text.get_text() for text in ax.texts] == [STATUSES[c.status].mark for c in report.clusters]
    assert ax.yaxis_inverted()
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert [name.split(" · ")[0] for name in names] == [c.cluster_id for c in report.clusters]
    assert names[0] == "0 · B cell"


@pytest.mark.no_cover
@pytest.mark.parametrize("n", [1, 11, 60])
@pytest.mark.parametrize("long", [False, True])
def test_nothing_covers_anything(report_with, overlaps, long_names, n, long):
    """No text covers another or is cut off, with short and with long names."""
    label = "CD4-positive, CD25-positive, regulatory T" if long else None
    ax = gca.pl.confidence(report_with(n, long_names if long else str, label), show=False)
    assert overlaps(ax) == ([], [])
    assert ax.get_window_extent().width / ax.figure.dpi > 3  # the names leave room for the bars


def test_the_legend_explains_colors_and_marks(report_with):
    """The legend has the three levels and the three statuses."""
    legend = gca.pl.confidence(report_with(3), show=False).get_legend()
    assert {t.get_text() for t in legend.get_texts()} == {"High", "Medium", "Low", "supported", "flagged", "unknown"}


@pytest.mark.parametrize("name", ["$T_{reg}$", "a$b", "β µ", r"\alpha", "two\nlines"])
def test_names_are_no_mathematics(report_with, name):
    """No name is read as a formula."""
    ax = gca.pl.confidence(report_with(1, lambda i: name), show=False)
    text = ax.get_yticklabels()[0]
    drawn, is_formula = text._preprocess_math(text.get_text())
    assert (drawn.split(" · ")[0], bool(is_formula)) == (name.replace("\n", " "), False)
    ax.figure.canvas.draw()


def test_a_proposed_label_that_did_not_stand(report_with):
    """An unknown cluster shows what it was nearly called."""
    report = report_with(2)
    name = gca.pl.confidence(report, show=False).get_yticklabels()[1].get_text()
    assert name == f"1 · Unknown or Novel ({report.clusters[1].annotation.proposed_label}?)"


def test_save_show_and_return(report_with, scanpy_settings, tmp_path, monkeypatch):
    """The plot saves, shows and returns as Scanpy's do, and draws into axes that are given."""
    shown = []
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: shown.append(1))
    scanpy_settings.file_format_figs = "png"
    report = report_with(2)
    gca.pl.confidence(report, save=True, show=False)
    assert (tmp_path / "figures" / "confidence.png").exists()
    assert isinstance(gca.pl.confidence(report, return_fig=True), mpl.figure.Figure)
    ax = plt.subplots()[1]
    assert gca.pl.confidence(report, ax=ax) is ax
    assert len(ax.patches) == 2
    assert shown == []
    assert gca.pl.confidence(report, show=True) is None
    assert shown == [1]


@pytest.mark.filterwarnings("ignore")
class TestBasis:
    """The confidence on an embedding."""

    @pytest.fixture
    def labeled(self, pbmc):
        """Label the bundled PBMC data by its clusters."""
        gca.tl.annotate(pbmc, "louvain", tissue="blood")
        return pbmc

    def test_each_cell_has_the_score_of_its_cluster(self, labeled):
        """The cells are colored from 0 to 1 by their score, and the clusters are named in their middles."""
        ax = gca.pl.confidence(labeled, basis="umap", show=False)
        points = ax.collections[0]
        shown, scores = np.asarray(points.get_array()), labeled.obs["gptca_confidence_score"].to_numpy()
        assert np.sort(shown) == pytest.approx(np.sort(scores))
        assert points.get_clim() == (0, 1)
        assert len(points.get_offsets()) == labeled.n_obs
        named = {text.get_text(): text.get_position() for text in ax.texts}
        assert set(named) == set(labeled.obs["louvain"].cat.categories)
        own = labeled.obsm["X_umap"][labeled.obs["louvain"] == "8"]
        assert abs(named["8"][0] - np.median(own[:, 0])) < own[:, 0].std()

    def test_a_mark_where_the_label_did_not_stand(self, labeled):
        """Unknown and flagged clusters have their mark behind the name."""
        with gca.settings.override(min_support=10_000):
            gca.tl.annotate(labeled, "louvain")
        names = {text.get_text() for text in gca.pl.confidence(labeled, basis="umap", show=False).texts}
        assert names
        assert all(name.endswith((" ?", " !")) for name in names)

    @pytest.mark.no_cover
    def test_names_do_not_cover_each_other(self, labeled, overlaps):
        """With many clusters of long names, no name covers another."""
        codes = (labeled.obsm["X_umap"] * 1.3).astype(int)
        labeled.obs["fine"] = [f"a long cluster name {x}/{y}" for x, y in codes]
        few = labeled.obs["fine"].map(labeled.obs["fine"].value_counts()) < 4
        labeled.obs.loc[few, "fine"] = "the rest"
        assert labeled.obs["fine"].nunique() > 40
        gca.tl.annotate(labeled, "fine")
        ax = gca.pl.confidence(labeled, basis="umap", show=False)
        pairs, _ = overlaps(ax)
        assert pairs == []
        assert len(ax.texts) > 15

    def test_clusters_that_were_made_anew_have_no_names(self, labeled):
        """Names of other clusters are not put on the scores of the old ones."""
        import pandas as pd

        mixed = np.random.default_rng(0).permutation(labeled.obs["louvain"].to_numpy())
        labeled.obs["louvain"] = pd.Categorical(mixed)
        assert len(gca.pl.confidence(labeled, basis="umap", show=False).texts) == 0

    def test_places_in_a_tissue_count_from_the_top(self, labeled):
        """As in an image, the first row is on top; names and cells agree."""
        labeled.obsm["spatial"] = labeled.obsm["X_umap"] * (1, -1)
        flat, tissue = (gca.pl.confidence(labeled, basis=name, show=False) for name in ("umap", "spatial"))
        assert np.allclose(flat.collections[0].get_offsets(), tissue.collections[0].get_offsets())
        names = [[text.get_position() for text in ax.texts] for ax in (flat, tissue)]
        assert np.allclose(*names)

    def test_the_column_is_gone(self, labeled):
        """Without the clusters' column the cells are drawn, without names."""
        del labeled.obs["louvain"]
        ax = gca.pl.confidence(labeled, basis="umap", show=False)
        assert len(ax.collections[0].get_offsets()) == labeled.n_obs
        assert len(ax.texts) == 0

    def test_given_axes_and_save(self, labeled, tmp_path):
        """The embedding goes into given axes and to a file."""
        ax = plt.subplots()[1]
        assert gca.pl.confidence(labeled, basis="umap", ax=ax, save=tmp_path / "u.png") is ax
        assert (tmp_path / "u.png").read_bytes().startswith(b"\x89PNG")

    def test_errors_name_what_is_there(self, labeled, report_with):
        """No embedding of this name, no scores, a report instead of an object: each is said."""
        with pytest.raises(MissingKeyError, match=r"no embedding 'tsne'; \.obsm has: .*X_umap"):
            gca.pl.confidence(labeled, basis="tsne")
        with pytest.raises(InputError, match="a report has no cells"):
            gca.pl.confidence(report_with(1), basis="umap")
        del labeled.obs["gptca_confidence_score"]
        with pytest.raises(MissingKeyError, match="gptca_confidence_score"):
            gca.pl.confidence(labeled, basis="umap")


def _rings(ax):
    return {row: x for line in ax.lines if line.get_marker() == "o" for x, row in line.get_xydata()}


@pytest.mark.parametrize("n", [1, 12, 40])
def test_rings_are_the_finest_guesses(report_with, with_path, overlaps, n):
    """A ring is on the bar of each cluster whose finest guess is finer than its label, and the legend explains it."""
    report = report_with(n)
    clusters = tuple(with_path(c) if i % 3 == 0 else c for i, c in enumerate(report.clusters))
    ax = gca.pl.confidence(evolve(report, clusters=clusters), show=False)
    assert _rings(ax) == dict.fromkeys(range(0, n, 3), 0.47)
    assert "probability of the finest guess" in {text.get_text() for text in ax.get_legend().get_texts()}
    assert overlaps(ax) == ([], [])
    without = tuple(evolve(c, path=()) for c in clusters)
    ax = gca.pl.confidence(evolve(report, clusters=without), show=False)
    assert _rings(ax) == {}
    assert len(ax.get_legend().get_texts()) == 6


def test_a_ring_beyond_a_capped_bar(report_with, with_path):
    """If the confidence is capped below the probability of the guess, the mark of the status is beside the ring."""
    report = report_with(1)
    cluster = evolve(with_path(report.clusters[0]), confidence_score=0.4)
    ax = gca.pl.confidence(evolve(report, clusters=(cluster,)), show=False)
    assert _rings(ax) == {0: 0.47}
    assert ax.texts[0].get_position()[0] > 0.48
