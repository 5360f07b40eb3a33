"""What the tests of the plots share."""

from __future__ import annotations

import functools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from attrs import evolve

import gca_scanpy as gca


@pytest.fixture(autouse=True)
def scanpy_settings(tmp_path):
    """Scanpy's settings, as they were after the test; its figure folder is the test's own, and no figure is left."""
    import scanpy as sc

    before = {name: getattr(sc.settings, name) for name in ("figdir", "autoshow", "file_format_figs")}
    sc.settings.figdir = tmp_path / "figures"
    yield sc.settings
    for name, value in before.items():
        setattr(sc.settings, name, value)
    plt.close("all")


@functools.cache
def _one_of_each():
    """A report with a supported, a flagged and an unknown cluster."""
    base = gca.annotate_markers(
        {
            "good": ["MS4A1", "CD79A", "CD79B", "BANK1", "CD19", "CD22"],
            "mixed": ["MS4A1", "CD79A", "CD79B", "BANK1", "LYZ", "S100A8", "S100A9", "CD14", "FCN1", "VCAN"],
            "none": [],
        }
    )
    assert [c.status for c in base.clusters] == ["supported", "flagged", "unknown"]

    mixed = base.clusters[1]
    against = {"CD79A": ("B cell",), "MS4A1": ("B cell",), "CD79B": ("B cell",), "BANK1": ("B cell",)}
    mixed = evolve(mixed, validation=evolve(mixed.validation, contradictory_markers=against))
    return evolve(base, clusters=(base.clusters[0], mixed, base.clusters[2]))


@pytest.fixture
def report_with():
    """Make a report with so many clusters; all statuses occur, and ``name`` gives the id of each."""
    base = _one_of_each()

    def make(n, name=str, label=None):
        clusters = [evolve(base.clusters[i % 3], cluster_id=name(i), n_cells=1000 * i + 1) for i in range(n)]
        if label is not None:
            clusters = [
                evolve(c, annotation=evolve(c.annotation, primary_label=label, proposed_label=label)) for c in clusters
            ]
        return evolve(base, clusters=tuple(clusters))

    return make


@pytest.fixture
def texts():
    """All texts that are seen in axes, as they are given to matplotlib."""

    def of(ax):
        found = [t for t in ax.texts + ax.get_yticklabels() if t.get_text()]
        return [t.get_text() for t in found]

    return of


@pytest.fixture
def overlaps():
    """Give pairs of an axes' texts that cover each other once it is laid out, and texts that leave the figure."""

    def of(ax, tolerance=0.5):
        ax.figure.draw_without_rendering()
        shown = list(ax.texts)
        if ax.axison:
            shown += [*ax.get_xticklabels(), *ax.get_yticklabels(), ax.xaxis.label, ax.yaxis.label, ax.title]
        if ax.get_legend():
            shown += ax.get_legend().get_texts()
        shown = [t for t in shown if t.get_text().strip()]
        boxes = np.array([t.get_window_extent().padded(-tolerance).extents for t in shown]).reshape(-1, 4)
        pairs = [(shown[a].get_text(), shown[b].get_text()) for a, b in _overlapping(boxes)]
        x0, y0, x1, y1 = ax.figure.bbox.padded(1).extents
        inside = (boxes >= [x0, y0, x0, y0]).all(axis=1) & (boxes <= [x1, y1, x1, y1]).all(axis=1)
        return pairs, [t.get_text() for t, fits in zip(shown, inside) if not fits]

    return of


def _overlapping(boxes):
    """Pairs of boxes that overlap; a thousand texts have half a million pairs, so all are compared at once."""
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    overlap = ((low[:, None] <= high[None]) & (low[None] <= high[:, None])).all(axis=2)
    return np.argwhere(np.triu(overlap, k=1))


@pytest.fixture
def long_names():
    """Make ids of 40 letters that differ at the end only."""
    return lambda i: f"{'CD4-positive WIDE CLUSTER OF mmmm ' * 2}"[:37] + f"{i:03d}"
