"""The marker database as the scorer sees it."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from gca_scanpy._prepare import index_of
from gca_scanpy._scoring import index, numbers
from gca_scanpy.db import _bundled, load

LEUKOCYTE, T, CD4, CD8, B = "CL:0000738", "CL:0000084", "CL:0000624", "CL:0000625", "CL:0000236"


def build(rows, species="human"):
    """Index a table of cell type, gene and whatever else is named."""
    return index.build(load(pd.DataFrame(rows)), species, _bundled.lineages())


def row(cell_type, gene, **more):
    """Make a fact."""
    return {"cell_type": cell_type, "gene": gene, **more}


@pytest.fixture
def family():
    """Leukocyte, T cell and its two classes, and B cell, with a gene or two each."""
    return build(
        [
            row("leukocyte", "PTPRC"),
            row("T cell", "CD3E"),
            row("T cell", "CD3D"),
            row("CD4-positive, alpha-beta T cell", "CD4"),
            row("CD4-positive, alpha-beta T cell", "CD3D", role="negative"),
            row("CD8-positive, alpha-beta T cell", "CD8A"),
            row("B cell", "CD19"),
        ]
    )


def test_a_canonical_marker_tells_more_than_a_supporting_one():
    """The curators' strength counts: a canonical gene tells more than a supporting one, that more than a weak one."""
    rows = [row("B cell", "CD19")]
    rows += [row("B cell", "BLK", strength="supporting"), row("B cell", "VPREB3", strength="weak")]
    hits = build(rows).hits
    assert hits["CD19"][B] > 1.2 * hits["BLK"][B] > 1.2 * 1.2 * hits["VPREB3"][B] > 0


def test_each_further_source_adds_weight():
    """A fact that public lists state too tells more, with every one of them, each a little less than the one before."""
    rows = [row("B cell", "CD19"), row("B cell", "CD22", sources="x"), row("B cell", "BLK", sources="x;y")]
    three = row("B cell", "PAX5", sources="x;y;z")
    weak = row("B cell", "VPREB3", sources="z", strength="weak")
    kind = build([*rows, three, weak]).types[B]
    one = numbers.NUMBERS.corroboration
    factors = [1, 1 + one, 1 + one * math.log2(3), 1 + 2 * one]
    mean = (sum(factors) + 1) / 5  # the weak fact has the factor 1
    found = [kind.positive[gene] for gene in ("CD19", "CD22", "BLK", "PAX5")]
    assert found == pytest.approx([factor / mean for factor in factors])
    assert kind.positive["VPREB3"] < kind.positive["CD19"]  # its one source is all that it has
    assert kind.n_sources == 3


def test_vendors_are_one_source():
    """Vendors copy from one another, so several of them add as much weight as one."""
    stated = [row("B cell", "CD19", sources="abcam"), row("B cell", "CD22", sources="abcam;thermofisher")]
    kind = build([*stated, row("B cell", "BLK")]).types[B]
    assert kind.positive["CD19"] == kind.positive["CD22"] > kind.positive["BLK"]


@pytest.mark.parametrize(
    ("seen", "unseen", "factor"),
    [
        ("", "", 1),
        ("a", "", 1 + numbers.NUMBERS.seen),
        ("a;b", "c;d", 1 + numbers.NUMBERS.seen),
        ("a", "b;c", 1),
        ("", "a", 1),
        ("", "a;b", numbers.NUMBERS.never_seen),
    ],
)
def test_profiles_add_weight(seen, unseen, factor):
    """A gene that stands out in half of the profiles tells more; one that two measure and none shows tells less."""
    kind = build([row("B cell", "CD19", seen=seen, unseen=unseen), row("B cell", "CD22")]).types[B]
    assert kind.positive["CD19"] == pytest.approx(factor * kind.positive["CD22"])


def test_the_scale_of_a_database_does_not_depend_on_its_witnesses():
    """A table without witnesses has the strengths of its marks; if all facts have as many, they have the same."""
    genes = ("CD19", "CD22")
    bare = build([row("B cell", gene) for gene in genes]).types[B].positive
    stated = build([row("B cell", gene, sources="x;y", seen="a") for gene in genes]).types[B].positive
    assert bare == pytest.approx(stated)
    assert bare["CD19"] == numbers.NUMBERS.canonical


def test_negative_markers_are_inherited():
    """What speaks against a type speaks against its kinds, unless the kind or a type between has the gene."""
    rows = [row("lymphocyte", "LYZ", role="negative"), row("lymphocyte", "PTPRC"), row("B cell", "CD19")]
    naive = row("naive B cell", "TCL1A")
    types = build([*rows, naive, row("T cell", "LYZ"), row("CD4-positive, alpha-beta T cell", "CD4")]).types
    by_name = {kind.label: kind for kind in types.values()}
    assert by_name["B cell"].negative == by_name["naive B cell"].negative == {"LYZ"}
    assert by_name["T cell"].negative == by_name["CD4-positive, alpha-beta T cell"].negative == set()


def test_a_gene_of_many_types_tells_less():
    """A gene that every type has tells less than one that a single type has, and yet something."""
    rows = [row(kind, "PTPRC") for kind in ("B cell", "T cell", "monocyte")]
    hits = build([*rows, row("B cell", "CD19")]).hits
    assert 0 < hits["PTPRC"][B] < hits["CD19"][B]
    assert hits["CD19"][B] / hits["PTPRC"][B] == pytest.approx(
        math.log1p(numbers.NUMBERS.min_types) / math.log1p(numbers.NUMBERS.min_types / 3)
    )


def test_a_long_list_dilutes_its_genes():
    """A type with forty markers is not found everywhere because it has so many."""
    many = [row("T cell", f"ZNF{n}") for n in (10, 12, 14, 16, 17, 18, 20, 22, 23, 24)]
    hits = build([*many, row("B cell", "CD19")]).hits
    assert hits["ZNF10"][T] < hits["CD19"][B]


def test_a_subtype_has_its_ancestors_genes_at_a_part(family):
    """A T-cell gene tells for the subtypes of T cell, less than for T cell itself and more than a leukocyte's gene."""
    hits = family.hits
    assert hits["CD3E"][CD8] == pytest.approx(numbers.NUMBERS.inherited * hits["CD3E"][T])
    assert hits["PTPRC"][CD8] == pytest.approx(numbers.NUMBERS.inherited_far * hits["PTPRC"][LEUKOCYTE])
    assert B not in hits["CD3E"]


def test_genes_are_not_inherited_upwards_or_sideways(family):
    """CD4 tells nothing for T cell as a whole or for its CD8 class."""
    assert set(family.hits["CD4"]) == {CD4}


def test_a_negative_marker_is_not_inherited(family):
    """A gene that speaks against a subtype is no evidence for it, though its parent has it."""
    assert CD4 not in family.hits["CD3D"]
    assert CD8 in family.hits["CD3D"]
    assert family.types[CD4].negative == {"CD3D"}
    assert "CD3D" not in family.types[CD4].positive


def test_ancestors_come_nearest_first(family):
    """The way up the ontology goes through the types that the database has."""
    assert family.ancestors(CD8) == (T, LEUKOCYTE)
    assert family.ancestors(LEUKOCYTE) == ()


def test_the_family_of_a_term_goes_up_and_down(family):
    """A term's family: itself, what it is a kind of, and its kinds; also for a term that the database has not."""
    assert set(family.family(T)) == {LEUKOCYTE, T, CD4, CD8}
    assert set(family.family(CD8)) == {LEUKOCYTE, T, CD8}
    lymphocyte = _bundled.ontology().resolve("lymphocyte")
    assert set(family.family(lymphocyte)) == {LEUKOCYTE, T, CD4, CD8, B}


def test_a_species_has_its_own_facts():
    """Mouse facts are not used for human data, nor the other way round, and what is left out is known to exist."""
    rows = [
        row("B cell", "CD19"),
        row("T cell", "Klrb1c", species="mouse"),
        row("monocyte", "FCN1", species="human"),
        row("B cell", "Cd20x", species="mouse"),
    ]
    human, mouse = build(rows), build(rows, "mouse")
    assert set(human.hits) == {"CD19", "FCN1"}
    assert set(mouse.hits) == {"CD19", "Klrb1c", "Cd20x"}
    assert human.foreign == {T}
    assert mouse.foreign == {"CL:0000576"}


def test_tissues_of_a_type():
    """A type has the tissues of all its facts; one general fact makes it a type of every tissue."""
    rows = [
        row("B cell", "CD19", tissue="blood"),
        row("B cell", "CD22", tissue="spleen;tonsil"),
        row("T cell", "CD3E", tissue="blood"),
        row("T cell", "CD3D", tissue="general"),
    ]
    types = build(rows).types
    assert types[B].tissues == {"blood", "spleen", "tonsil"}
    assert types[T].tissues == frozenset()


def test_a_type_outside_the_ontology_keeps_its_name():
    """A user's own type is indexed by its name and has no relatives."""
    own = build([row("my blob", "CD19"), row("B cell", "CD22")])
    assert own.types["my blob"].id is None
    assert own.ancestors("my blob") == ()
    assert "my blob" not in own.family(B)


def test_symbols_are_found_in_any_case(family):
    """Positive and negative genes are known by their upper-case form."""
    assert family.known["CD3D"] == "CD3D"
    assert build([row("T cell", "Klrb1c", species="mouse")], "mouse").known == {"KLRB1C": "Klrb1c"}


def test_the_bundled_index_tells_something_for_every_gene():
    """No gene of the bundled database is without a type or tells a negative amount, in either species."""
    for species in ("human", "mouse"):
        built = index_of(_bundled.database(), species)
        assert all(values and min(values.values()) > 0 for values in built.hits.values())
        assert all(key in built.types for values in built.hits.values() for key in values)


def test_the_nearest_relative_states(family):
    """The witnesses of a gene are those of the type, else of the nearest ancestor, else of the nearest kind."""
    kinds = build(
        [
            row("leukocyte", "PTPRC", sources="far"),
            row("T cell", "PTPRC", sources="near"),
            row("naive thymus-derived CD4-positive, alpha-beta T cell", "CCR7", sources="far"),
            row("CD4-positive, alpha-beta T cell", "CCR7", sources="near"),
        ]
    )
    assert family.witnesses(T, "CD3E").fact_of == family.witnesses(CD4, "CD3E").fact_of == T
    assert kinds.witnesses(CD4, "PTPRC").stated_by == ("near",)
    assert kinds.witnesses(LEUKOCYTE, "CCR7").stated_by == kinds.witnesses(T, "CCR7").stated_by == ("near",)
    assert kinds.witnesses(B, "CCR7") is None
    assert kinds.witnesses("no such type", "CCR7") is None
