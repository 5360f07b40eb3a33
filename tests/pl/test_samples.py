"""The plot of what the samples say."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy.errors import InputError
from gca_scanpy.model import SampleAnswer
from gca_scanpy.pl._samples import ABSTAINS, VOTES


@pytest.fixture(scope="module")
def report(plant):
    """A report with a sample of each vote, and a cluster of one sample."""
    cells = plant((30, 30, 30, 30))
    gca.tl.annotate(cells, "cluster", tissue="blood")
    plain = gca.get.report(cells)
    answers = (
        SampleAnswer("A", 14, "agrees", "B cell", "CL:0000236", 0.8),
        SampleAnswer("B", 13, "differs", "T cell", "CL:0000084", 0.9),
        SampleAnswer("C", 3, "too_few"),
    )
    first, second, *others = plain.clusters
    alone = evolve(second.validation, flag_reasons=("one_sample",))
    changed = (evolve(first, samples=answers), evolve(second, samples=answers[:1], validation=alone), *others)
    return evolve(plain, clusters=changed)


@pytest.fixture
def figure_settings_of_scanpy():
    """Scanpy's figure settings, which turn a grid on."""
    import matplotlib as mpl
    import scanpy as sc

    with mpl.rc_context():
        sc.set_figure_params()
        yield


def colors(ax):
    """The colors of the fields by place."""
    from matplotlib.colors import to_hex

    return {
        (round(patch.get_y() + 0.5), round(patch.get_x() + 0.5)): to_hex(patch.get_facecolor()).upper()
        for patch in ax.patches
    }


def test_votes(report):
    """Green for a sample that agrees, orange with a mark for one that differs, hatched for one without a vote."""
    ax = gca.pl.samples(report, show=False)
    assert colors(ax) == {
        (0, 0): VOTES["agrees"], (0, 1): VOTES["differs"], (0, 2): ABSTAINS, (1, 0): VOTES["agrees"]
    }  # fmt: skip
    assert [text.get_text() for text in ax.texts] == ["!"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["A", "B", "C"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["agrees", "differs", "no vote"]
    assert [patch.get_hatch() for patch in ax.patches].count("////") == 1


def test_shares(report):
    """The shares of the cells; the field of a cluster that is one sample's alone is framed."""
    ax = gca.pl.samples(report, value="share", show=False)
    values = ax.images[0].get_array()
    assert values[0].tolist() == pytest.approx([14 / 30, 13 / 30, 0.1])
    assert np.ma.getmaskarray(values)[1].tolist() == [False, True, True]
    assert ax.images[0].get_clim() == (0, 1)
    assert list(colors(ax)) == [(1, 0)]


def test_the_scale_is_beside_the_fields(report, figure_settings_of_scanpy):
    """The bar of colors begins within a field's width of few samples, and has no grid."""
    ax = gca.pl.samples(report, value="share", show=False)
    ax.figure.draw_without_rendering()
    (bar,) = ax.child_axes
    gap = bar.get_window_extent().x0 - ax.get_window_extent().x1
    assert 0 < gap < ax.get_window_extent().width / 3
    assert not any(line.get_visible() for line in bar.yaxis.get_gridlines())


def test_a_line_between_hatched_fields(report):
    """Lines are above the fields, because neighbors without a vote look like one otherwise."""
    ax = gca.pl.samples(report, show=False)
    assert min(lines.get_zorder() for lines in ax.collections) > max(patch.get_zorder() for patch in ax.patches)


def test_names_of_samples_that_were_clustered_apart(plant):
    """A row for each name, and the share of the sample's cells that have it."""
    cells = plant((30, 30, 30, 30))
    cells.obs["donor"] = np.where(np.arange(cells.n_obs) % 3 == 0, "A", "B")
    gca.tl.harmonize(cells, "cluster", "donor", tissue="blood")
    ax = gca.pl.samples(cells, value="share", labels="short", show=False)
    assert len(ax.get_yticklabels()) == 4
    shares = ax.images[0].get_array()
    assert np.allclose(shares.sum(axis=0), 1)
    assert ax.images[0].get_clim() == (0, shares.max())
    assert set(colors(gca.pl.samples(cells, show=False)).values()) == {VOTES["agrees"]}


def test_a_run_without_samples(report):
    """It is an error that names the argument; so are a value and a cluster that do not exist."""
    with pytest.raises(InputError, match="the report has no samples; run gca_scanpy\\.tl\\.annotate with sample_key"):
        gca.pl.samples(evolve(report, clusters=report.clusters[2:]))
    with pytest.raises(InputError, match="value='cells' must be one of: vote, share"):
        gca.pl.samples(report, value="cells")
    with pytest.raises(InputError, match="no cluster '9'"):
        gca.pl.samples(report, clusters=["9"])
