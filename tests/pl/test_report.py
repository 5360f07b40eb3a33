"""The picture of the report."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from attrs import evolve
from matplotlib.patches import Rectangle

import gca_scanpy as gca
from gca_scanpy._reporting.curation import Choice, decide
from gca_scanpy._reporting.display import LEVELS, STATUSES
from gca_scanpy.db import _bundled
from gca_scanpy.errors import MissingKeyError

PALETTE = _bundled.palette()
LONG_LABEL = "CD4-positive, CD25-positive, regulatory T"


def _bars(ax):
    """Widths and colors of the filled bars, by row."""
    bars = sorted((p for p in ax.patches if isinstance(p, Rectangle) and p.get_height() < 1), key=lambda p: p.get_y())
    whole, filled = bars[::2], bars[1::2]
    return [(f.get_width() / w.get_width(), f.get_facecolor()) for w, f in zip(whole, filled)]


def test_a_row_tells_what_the_cluster_is(report_with, texts):
    """Each row has id, cells, label, score, status with its mark, and the supporting genes."""
    shown = texts(gca.pl.report(report_with(3), show=False))
    headings = ["cluster", "cells", "label", "confidence", "status", "flags", "marker genes", "against"]
    assert [text for text in shown if text in headings] == headings
    assert {"0", "1", "2", "1,001", "B cell", "✓ supported", "! flagged", "? unknown"} <= set(shown)
    assert any(text.startswith("Unknown or Novel (") for text in shown)
    assert "no_markers_supplied" in shown


def test_genes_for_and_against(report_with, texts):
    """As many supporting genes as are asked for, in the order of the report; the contradicting ones stand apart."""
    report = report_with(2)
    supporting = report.clusters[0].validation.supporting_markers
    for n in (2, 4):
        shown = texts(gca.pl.report(report, n_genes=n, show=False))
        assert ", ".join(supporting[:n]) in shown
        assert "B cell: CD79A, MS4A1, CD79B" in shown


def test_bars_are_the_confidence(report_with):
    """The bar of each row is as long as its score, in the color of its level."""
    report = report_with(11)
    bars = _bars(gca.pl.report(report, show=False))
    assert len(bars) == 11
    for (share, color), cluster in zip(bars, report.clusters):
        assert share == pytest.approx(cluster.confidence_score)
        assert color == mpl.colors.to_rgba(LEVELS[cluster.confidence].plot)


def test_the_score_stands_beside_its_bar(report_with):
    """No bar lies under a text."""
    ax = gca.pl.report(report_with(3), show=False)
    bars = [p.get_window_extent() for p in ax.patches if isinstance(p, Rectangle) and 0.5 < p.get_height() < 1]
    assert len(bars) == 6
    for text in ax.texts:
        assert not any(text.get_window_extent().overlaps(bar) for bar in bars)


@pytest.mark.no_cover
@pytest.mark.parametrize("n", [1, 11, 60])
@pytest.mark.parametrize("long", [False, True])
def test_nothing_covers_anything(report_with, overlaps, texts, long_names, n, long):
    """No text covers another or is cut off, at 1, 11 and 60 clusters, with short and with long names."""
    report = report_with(n, long_names, LONG_LABEL) if long else report_with(n)
    ax = gca.pl.report(report, show=False)
    assert overlaps(ax) == ([], [])
    assert set(texts(ax)) >= {c.cluster_id for c in report.clusters}


def test_several_flags_are_all_told(report_with, overlaps, texts):
    """All flags of a cluster are there in full."""
    report = report_with(5)
    flags = ("contradictory_markers", "mixed_lineage", "tissue_mismatch", "missing_ontology_id")
    cluster = report.clusters[1]
    cluster = evolve(cluster, validation=evolve(cluster.validation, flag_reasons=flags))
    ax = gca.pl.report(evolve(report, clusters=(cluster, *report.clusters)), show=False)
    assert ", ".join(flags) in texts(ax)
    assert overlaps(ax) == ([], [])


def test_long_ids_stay_different(report_with, texts):
    """Of ids that are too long, the middle goes: those that differ at the end can still be told apart."""
    shown = texts(gca.pl.report(report_with(3, lambda i: "x" * 300 + str(i)), show=False))
    ids = [text for text in shown if text.startswith("xxx")]
    assert len(set(ids)) == 3
    assert max(map(len, ids)) == 40


@pytest.mark.parametrize("name", ["$T_{reg}$", "a$b", "β µ é", "<b>", "[red]", r"\frac", "two\nlines", "100%", "a_b^c"])
def test_names_are_no_mathematics(report_with, name):
    """No name is read as a formula: each letter is drawn as it is."""
    fig = gca.pl.report(report_with(1, lambda i: name), return_fig=True)
    text = fig.axes[0].texts[1]
    drawn, is_formula = text._preprocess_math(text.get_text())
    assert (drawn, bool(is_formula)) == (name.replace("\n", " "), False)
    fig.canvas.draw()


def test_columns_that_would_be_empty_are_left_out(texts):
    """Without cells, flags and contradicting genes there are no such columns."""
    report = gca.annotate_markers({"0": ["MS4A1", "CD79A", "CD79B", "BANK1"]})
    assert {"cells", "flags", "against"}.isdisjoint(texts(gca.pl.report(report, show=False)))


def test_a_cluster_with_no_name(report_with, texts):
    """The cluster "" has its row."""
    assert "cluster" in texts(gca.pl.report(report_with(1, lambda i: ""), show=False))


@pytest.mark.parametrize("mark", [look.mark for look in STATUSES.values()])
def test_the_marks_are_in_the_default_font(mark):
    """The marks of the statuses are in DejaVu Sans, so that no plot shows an empty box."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    assert ord(mark) in get_font(findfont(FontProperties(family="DejaVu Sans"))).get_charmap()


@pytest.mark.parametrize("nested", [False, True])
def test_given_axes(report_with, nested, tmp_path):
    """In the user's axes the table is as small as it must be, stays inside, and the figure keeps its size."""
    fig = plt.figure(figsize=(8, 4))
    part = fig.subfigures(1, 2)[0] if nested else fig
    ax = part.add_subplot(1, 1 if nested else 2, 1)
    box = ax.get_window_extent()
    assert gca.pl.report(report_with(11), ax=ax, save=tmp_path / "x.png") is ax
    assert fig.get_size_inches().tolist() == [8, 4]
    assert (tmp_path / "x.png").exists()
    fig.canvas.draw()
    for text in ax.texts:
        own = text.get_window_extent()
        assert own.x0 >= box.x0 - 1
        assert own.x1 <= box.x1 + 4  # letters are not drawn at any size
    assert plt.fignum_exists(fig.number)


def test_show_and_return(report_with, monkeypatch):
    """As in Scanpy: axes without ``show``, None with it, a figure with ``return_fig``."""
    shown = []
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: shown.append(1))
    report = report_with(1)
    assert isinstance(gca.pl.report(report, show=False), mpl.axes.Axes)
    assert isinstance(gca.pl.report(report, return_fig=True), mpl.figure.Figure)
    assert shown == []
    assert gca.pl.report(report, show=True) is None
    assert shown == [1]


@pytest.mark.parametrize(("autoshow", "given"), [(True, False), (True, True), (False, False)])
def test_scanpys_setting_decides(report_with, scanpy_settings, monkeypatch, autoshow, given):
    """Without ``show`` Scanpy's ``settings.autoshow`` decides; axes that were given are not shown."""
    shown = []
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: shown.append(1))
    scanpy_settings.autoshow = autoshow
    gca.pl.report(report_with(1), ax=plt.subplots()[1] if given else None)
    assert bool(shown) is (autoshow and not given)


@pytest.mark.parametrize(
    ("save", "place"),
    [
        (True, "figures/report.pdf"),
        (".png", "figures/report.png"),
        ("_mine", "figures/report_mine.pdf"),
        ("_mine.svg", "figures/report_mine.svg"),
    ],
)
def test_save_as_in_scanpy(report_with, scanpy_settings, tmp_path, save, place):
    """``save=True`` and an ending go to Scanpy's figure folder, named after the plot; the figure is closed."""
    scanpy_settings.file_format_figs = "pdf"
    gca.pl.report(report_with(1), save=save, show=False)
    assert [p.relative_to(tmp_path).as_posix() for p in (tmp_path / "figures").iterdir()] == [place]
    assert plt.get_fignums() == []


@pytest.mark.parametrize("as_text", [False, True])
def test_save_to_a_path(report_with, tmp_path, as_text):
    """A path is that path; its folder is made."""
    path = tmp_path / "new" / "mine.png"
    gca.pl.report(report_with(1), save=str(path) if as_text else path, show=False)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in path.parent.iterdir()] == ["mine.png"]


def test_a_save_that_fails_leaves_no_half_file(report_with, tmp_path, monkeypatch):
    """A picture that cannot be written leaves the old one."""
    (tmp_path / "x.png").write_text("old")

    def broken(self, target, **kwargs):
        target.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mpl.figure.Figure, "savefig", broken)
    with pytest.raises(OSError, match="No space"):
        gca.pl.report(report_with(1), save=tmp_path / "x.png", show=False)
    assert (tmp_path / "x.png").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["x.png"]


def test_an_annotated_object(cells, texts):
    """An object gives the picture of its report, by key; without one the error says so."""
    gca.tl.annotate(cells, "cluster", key_added="mine")
    shown = texts(gca.pl.report(cells, key="mine", show=False))
    assert {"B cell", "30"} <= set(shown)
    with pytest.raises(MissingKeyError, match="gptca"):
        gca.pl.report(cells, show=False)


def test_each_label_has_the_color_of_its_type(report_with):
    """A dot beside the label has the color that the type has everywhere."""
    ax = gca.pl.report(report_with(3), show=False)
    clusters = report_with(3).clusters
    colors = [PALETTE.color(c.annotation.primary_label, c.annotation.ontology_id) for c in clusters]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [(line.get_ydata()[0], line.get_color()) for line in dots] == list(enumerate(colors))


def test_curated_labels(report_with, texts):
    """What curators decided stands beside the automatic labels, and the tree of the ontology has it in their place."""
    report = report_with(3)
    ontology, when = _bundled.ontology(), "2026-11-25T10:00:00+00:00"
    curated = decide(report, [Choice("0", "changed", "pDC")], "Ada", when, ontology)
    shown = texts(gca.pl.report(curated, show=False))
    assert {"curated label", "plasmacytoid dendritic cell", "B cell"} <= set(shown)
    assert "curated label" not in texts(gca.pl.report(report, show=False))
    assert "plasmacytoid dendritic cell" in texts(gca.pl.ontology(curated, show=False))


@pytest.mark.parametrize("n", [3, 12, 40])
def test_the_finest_guess(report_with, with_path, texts, overlaps, n):
    """It stands beside the confidence with its probability, only where it is finer than the label."""
    report = report_with(n)
    report = evolve(report, clusters=tuple(with_path(c) if i % 3 == 0 else c for i, c in enumerate(report.clusters)))
    ax = gca.pl.report(report, show=False)
    shown = texts(ax)
    assert shown.count("naive B cell 0.47") == len(range(0, n, 3))
    assert shown.index("confidence") < shown.index("finest guess") < shown.index("status")
    assert overlaps(ax) == ([], [])
    short = texts(gca.pl.report(report, labels="short", show=False))
    assert f"{_bundled.shortener().of('CL:0000788')} 0.47" in short
