"""Full and short names of the types in all plots."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import gca_scanpy as gca
from gca_scanpy._names.labels import look
from gca_scanpy.db import _bundled
from gca_scanpy.errors import InputError
from gca_scanpy.pl._figure import fitted

LONG = ("natural killer cell", "dendritic cell", "non-classical monocyte", "pulmonary alveolar type 2 cell")
REPORT_PLOTS = ("report", "confidence", "candidates", "ontology")


@pytest.fixture
def labeled(cells):
    """Label the planted cells, and give them the labels of a colleague."""
    gca.tl.annotate(cells, "cluster", tissue="blood")
    names = {"0": "B", "1": "T-cells", "2": "blob", "3": "natural killer"}
    cells.obs["mine"] = cells.obs["cluster"].map(names).astype("category")
    return cells


def _drawn(figure):
    """Give all texts of a figure."""
    import matplotlib.text

    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text) if text.get_text()]


def _plot(name, data, **options):
    if name == "compare":
        return gca.pl.compare(data, "gptca_label", "mine", show=False, return_fig=True, **options)
    if name == "evidence":
        return gca.pl.evidence(data, show=False, **options)["mainplot_ax"].figure
    return getattr(gca.pl, name)(data, show=False, return_fig=True, **options)


def _has(texts, word):
    return any(word == text or text.endswith(f"· {word}") for text in texts)


@pytest.mark.parametrize("name", [*REPORT_PLOTS, "evidence", "compare"])
def test_short_names(labeled, name):
    """Every plot has them if asked, and full names otherwise."""
    full, short = _drawn(_plot(name, labeled)), _drawn(_plot(name, labeled, labels="short"))
    assert _has(full, "natural killer cell")
    assert not _has(full, "NK")
    assert _has(short, "NK")
    assert not [text for text in short for long in LONG if long in text]
    assert full == _drawn(_plot(name, labeled, labels="full"))
    with pytest.raises(InputError, match="labels='brief' must be one of: full, short"):
        _plot(name, labeled, labels="brief")


def test_the_columns_of_others(labeled):
    """Their labels get the short names of their terms, and those without a term stay."""
    ax = gca.pl.compare(labeled, "gptca_short_label", "mine", labels="short", show=False)
    assert {text.get_text() for text in ax.get_xticklabels()} == {"B cell", "T cell", "blob", "NK"}
    table = gca.get.agreement(labeled, "gptca_short_label", "mine")
    assert table.loc[("NK", "natural killer"), "relation"] == "exact"


@pytest.mark.parametrize("name", REPORT_PLOTS)
def test_an_own_type_like_a_short_name(name):
    """An own type "nk" and the NK cell look different in each plot."""
    genes = "NKG7 GNLY KLRD1 KLRF1 NCAM1 PRF1".split()
    report = gca.annotate_markers({"0": genes, "1": genes}, tissue="blood")
    own = {"primary_label": "nk", "proposed_label": "nk", "ontology_id": None, "proposed_ontology_id": None}
    one, two = report.clusters
    report = evolve(report, clusters=(one, evolve(two, annotation=evolve(two.annotation, **own))))
    texts = _drawn(_plot(name, report, labels="short"))
    assert _has(texts, "nk")
    assert _has(texts, "natural killer cell")
    assert not _has(texts, "NK")


@pytest.mark.parametrize("name", REPORT_PLOTS)
def test_labels_that_are_cut(name):
    """Two long types that differ in the middle differ in each plot, too."""
    names = [f"{'w' * 60}{i}{'m' * 60}" for i in "ab"]
    report = gca.annotate_markers({"0": ["CD3E"], "1": ["MS4A1"]})
    fields = [
        {"primary_label": n, "proposed_label": n, "ontology_id": None, "proposed_ontology_id": None} for n in names
    ]
    clusters = [evolve(c, annotation=evolve(c.annotation, **f)) for c, f in zip(report.clusters, fields)]
    texts = _drawn(_plot(name, evolve(report, clusters=tuple(clusters))))
    found = {text.split("· ")[-1] for text in texts if "www" in text}
    assert len(found) == 2
    assert len(set(map(look, found))) == 2


LONGEST_PREFIX = [f"{'a long name of one tissue and one donor, ' * 3}{i}" for i in range(20)]
LONGEST_SUFFIX = [f"{i} {'of the same long name of a tissue and a donor' * 3}" for i in range(20)]
BOTH_ENDS = [f"{'w' * 70}{i}{'m' * 70}" for i in range(20)]


@pytest.mark.parametrize("length", [18, 24, 32, 40, 70])
@pytest.mark.parametrize("names", [LONGEST_PREFIX, LONGEST_SUFFIX, BOTH_ENDS, None])
def test_different_labels_have_different_texts(names, length):
    """All types of the database in one picture differ at every length, and so do names that share their ends."""
    if names is None:
        names = sorted({_bundled.ontology().label(term) for term in _bundled.database().facts["cl_id"]})
        assert len(set(map(look, fitted(names, length)))) == len(set(map(look, names))) > 900
    assert len(set(fitted(names, length))) == len(names)


@pytest.mark.parametrize("names", [LONGEST_PREFIX, LONGEST_SUFFIX, BOTH_ENDS])
@pytest.mark.parametrize("plot", REPORT_PLOTS)
def test_ids_that_are_cut(plot, names):
    """Two clusters never have the same name in a plot."""
    report = gca.annotate_markers({names[0]: ["CD3E", "CD3D"], names[1]: ["MS4A1", "CD79A"]})
    texts = {text.split(" · ")[0] for text in _drawn(_plot(plot, report)) if "…" in text or text[:60] == names[0][:60]}
    assert len(texts) == 2


@given(st.lists(st.text("ab -", max_size=30)), st.integers(3, 12))
def test_fitted_labels(labels, length):
    """What fits stays; different labels look different if they can; and only those that must are longer."""
    names = dict(zip(labels, fitted(labels, length)))
    for label, name in names.items():
        alone = fitted([label], length)[0]
        assert len(alone) <= length
        assert len(name) >= len(alone)
        same = [other for other in names if look(names[other]) == look(name)]
        assert len({look(other) for other in same}) == 1 or same == [label]
