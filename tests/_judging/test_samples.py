"""Which name a kind of cell gets if its samples say more or less of it."""

from __future__ import annotations

import itertools

import pytest

from gca_scanpy._judging.samples import harmonized
from gca_scanpy._steps import Verdict
from gca_scanpy.db import _bundled
from gca_scanpy.model import Level

IDS = {
    "lymphocyte": "CL:0000542", "T cell": "CL:0000084", "CD8": "CL:0000625", "CD4": "CL:0000624",
    "B cell": "CL:0000236", "naive CD8": "CL:0000900", "dendritic cell": "CL:0000451", "cDC": "CL:0000990",
    "pDC": "CL:0000784",
}  # fmt: skip
PATHS = {
    "lymphocyte": ["lymphocyte"],
    "T cell": ["lymphocyte", "T cell"],
    "CD8": ["lymphocyte", "T cell", "CD8"],
    "CD4": ["lymphocyte", "T cell", "CD4"],
    "naive CD8": ["lymphocyte", "T cell", "CD8", "naive CD8"],
    "B cell": ["lymphocyte", "B cell"],
    "dendritic cell": ["dendritic cell"],
    "cDC": ["dendritic cell", "cDC"],
    "pDC": ["dendritic cell", "pDC"],
}


def verdict(key, label, guess=None, likely=0.4):
    """A verdict with the path through a label, and a finer guess below it."""
    path = [Level(name, IDS[name], round(0.95 - 0.05 * n, 2)) for n, name in enumerate(PATHS[label])]
    own = path[-1]
    path += [Level(guess, IDS[guess], likely)] if guess else []
    return Verdict(key, own.label, own.ontology_id, own.probability, "offline", path=tuple(path))


def names(samples, agreement=0.75, flagged=()):
    """The names by cluster, of labels by sample; and the verdicts."""
    verdicts = [
        verdict(f"{sample}{number}", *((label,) if isinstance(label, str) else label))
        for sample, labels in samples.items()
        for number, label in enumerate(labels)
    ]
    supported = [one.cluster_id not in flagged for one in verdicts]
    sample_of = {one.cluster_id: one.cluster_id[0] for one in verdicts}
    found = harmonized(verdicts, supported, sample_of, agreement, 0.6, _bundled.lineages())
    return {one.cluster_id: one.label for one in found}, {one.cluster_id: one for one in found}


def test_a_coarser_and_a_finer_sample():
    """One sample says T cell and one CD8: both are T cells, and the second keeps its own label as the fine one."""
    found, verdicts = names({"A": ["T cell"], "B": ["CD8"]})
    assert found == {"A0": "T cell", "B0": "T cell"}
    assert verdicts["B0"].path[-1].label == "CD8"
    assert verdicts["B0"].confidence_score == 0.9
    assert "alone, this cluster is CD8 (0.85), which 1 of 2 samples with this kind" in verdicts["B0"].caveats[0]
    assert verdicts["A0"].caveats == ()


@pytest.mark.parametrize("weak", ["lymphocyte", "T cell"])
def test_a_weak_sample_among_ten(weak):
    """It keeps the coarser name that it has, and the nine others keep theirs."""
    found, _ = names({**{sample: ["CD8", "CD4"] for sample in "ABCDEFGHI"}, "J": [weak]})
    assert {found[f"{sample}0"] for sample in "ABCDEFGHI"} == {"CD8"}
    assert {found[f"{sample}1"] for sample in "ABCDEFGHI"} == {"CD4"}
    assert found["J0"] == weak


def test_a_weak_sample_whose_best_guess_is_the_name():
    """It takes the name of the others if its own cells make that likely enough, with its own probability."""
    nine = {sample: ["CD8"] for sample in "ABCDEFGHI"}
    found, verdicts = names({**nine, "J": [("T cell", "CD8", 0.4)]})
    assert found["J0"] == "CD8"
    assert verdicts["J0"].confidence_score == 0.4
    assert "T cell (0.90); CD8 is its best guess, and the name in 9 samples" in verdicts["J0"].caveats[0]
    assert names({**nine, "J": [("T cell", "CD8", 0.2)]})[0]["J0"] == "T cell"
    assert names({"A": ["CD8"], "J": [("T cell", "CD8", 0.4)]})[0] == {"A0": "T cell", "J0": "T cell"}


def test_how_many_must_agree():
    """The share of samples is the argument's: with 1 all must, and with 0.6 two of three suffice."""
    samples = {"A": ["CD8"], "B": ["CD8"], "C": ["T cell"]}
    assert set(names(samples)[0].values()) == {"T cell"}
    assert set(names(samples, agreement=1)[0].values()) == {"T cell"}
    assert names(samples, agreement=0.6)[0] == {"A0": "CD8", "B0": "CD8", "C0": "T cell"}
    assert names(samples, agreement=0)[0]["A0"] == "CD8"


def test_samples_that_call_it_differently():
    """One sample says CD4, one CD8, and none has both: probably the same cells, so both are T cells."""
    assert set(names({"A": ["CD4"], "B": ["CD8"]})[0].values()) == {"T cell"}
    both = names({"A": ["CD4"], "B": ["CD8"], "C": ["CD4", "CD8"]})[0]
    assert both == {"A0": "CD4", "B0": "CD8", "C0": "CD4", "C1": "CD8"}


def test_a_kind_that_one_sample_lacks():
    """A sample without pDCs takes nothing from the pDCs of the other: its cDCs are another kind."""
    found, _ = names({"A": ["cDC", "pDC"], "B": ["cDC"]})
    assert found == {"A0": "cDC", "A1": "pDC", "B0": "cDC"}


def test_names_are_not_coarser_than_the_broad_type():
    """A sample that knows only that it is a lymphocyte makes lymphocytes of neither B nor T cells."""
    found, _ = names({"A": ["B cell", "T cell"], "B": ["lymphocyte", "T cell"]})
    assert found == {"A0": "B cell", "A1": "T cell", "B0": "lymphocyte", "B1": "T cell"}


def test_a_sample_that_has_both():
    """A sample with CD8 and an unclear T cluster beside it supports CD8; a third level works as the second."""
    assert names({"A": ["CD8"], "B": ["CD8", "T cell"]})[0] == {"A0": "CD8", "B0": "CD8", "B1": "T cell"}
    found, verdicts = names({"A": ["naive CD8"], "B": ["CD8"], "C": ["CD8"]})
    assert set(found.values()) == {"CD8"}
    assert verdicts["A0"].path[-1].label == "naive CD8"


def test_labels_that_were_stopped():
    """A flagged cluster has no vote and keeps its verdict."""
    samples = {"A": ["T cell"], "B": ["CD8"]}
    assert names(samples, flagged=("A0",))[0] == {"A0": "T cell", "B0": "CD8"}
    assert names(samples, flagged=("A0", "B0"))[0] == {"A0": "T cell", "B0": "CD8"}


def test_the_order_does_not_matter():
    """Samples and clusters in any order give the same names."""
    samples = {"A": ["CD4", "B cell"], "B": ["T cell"], "C": ["CD8", "CD4"], "D": [("T cell", "CD4", 0.5)]}
    expected = names(samples)[0]
    for order in itertools.permutations(samples):
        assert names({sample: samples[sample] for sample in order})[0] == expected
