"""Names to Cell Ontology terms, broad types, and which lineages exclude one another."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gca_scanpy._names.ontology import Ontology, Term, normalize_name, read_lineages, read_terms
from gca_scanpy.db import _bundled

ONTOLOGY = _bundled.ontology()
B_CELL, T_CELL = "CL:0000236", "CL:0000084"
LINEAGES = _bundled.lineages()
ids = st.none() | st.sampled_from(sorted(ONTOLOGY.terms)) | st.just("CL:9999999")


@pytest.mark.parametrize(
    ("name", "term"),
    [
        ("B cell", B_CELL),
        ("B cells", B_CELL),
        ("b-cell", B_CELL),
        (" B_cell ", B_CELL),
        ("_B_cells_", B_CELL),
        ("T\u2011cell", T_CELL),
        ("NK cells", "CL:0000623"),
        ("natural killer cell", "CL:0000623"),
        ("Hepatocytes", "CL:0000182"),
        ("CD4-positive, alpha-beta T cell", "CL:0000624"),
        ("naïve B cell", "CL:0000788"),
        ("CL:0000236", B_CELL),
        ("cl_0000236", B_CELL),
    ],
)
def test_the_ways_of_writing_a_name(name, term):
    """Case, hyphens, underscores, plural and accents change nothing; an id is its own name."""
    assert ONTOLOGY.resolve(name) == term


@pytest.mark.parametrize("name", ["", "  ", "-", "Unknown or Novel", "CL:9999999", "Smith et al. 2020"])
def test_what_is_no_name_gives_none(name):
    """A text without the name of a cell type has no term."""
    assert ONTOLOGY.resolve(name) is None


@pytest.mark.parametrize(
    ("positive", "negative"),
    [
        ("CD16+ monocyte", "CD16- monocyte"),
        ("CD16-positive monocyte", "CD16\u2212 monocyte"),
        ("CD38+ naive B cell", "CD38- naive B cell"),
        ("CD16+ monocytes", "CD16(-) monocytes"),
    ],
)
def test_plus_and_minus_are_told_apart(positive, negative):
    """A label with CD4+ never gets the term of CD4-, nor does one without a sign."""
    unsigned = positive.replace("+", "").replace("-positive", "")
    assert normalize_name(positive) != normalize_name(negative)
    assert ONTOLOGY.resolve(negative) is not None
    assert ONTOLOGY.resolve(positive) != ONTOLOGY.resolve(negative)
    assert ONTOLOGY.resolve(unsigned) != ONTOLOGY.resolve(negative)


def test_a_plus_reads_as_positive():
    """``CD14+ monocyte``, as papers write it, is the ontology's ``CD14-positive monocyte``."""
    assert ONTOLOGY.resolve("CD14+ monocytes") == ONTOLOGY.resolve("CD14-positive monocyte") == "CL:0001054"
    assert normalize_name("CD4-CD8- T cell") == normalize_name("CD4-negative CD8-negative T cells")


@given(st.text() | st.sampled_from([n for t in ONTOLOGY.terms.values() for n in (t.label, *t.synonyms)]))
@example("-a")
@example("T cells_")
@example("CD4⁺⁻-cells")
def test_normalize_name_is_idempotent(name):
    """A normalized name stays as it is, and no text makes it fail."""
    assert normalize_name(normalize_name(name)) == normalize_name(name)


@given(st.text())
def test_resolve_gives_a_term_or_none(name):
    """Any text gives a term of the ontology or None."""
    assert ONTOLOGY.resolve(name) is None or ONTOLOGY.resolve(name) in ONTOLOGY


def test_every_label_and_id_resolves_to_its_own_term():
    """What the package writes as label, it can read back."""
    assert [
        t.id for t in ONTOLOGY.terms.values() if {ONTOLOGY.resolve(t.label), ONTOLOGY.resolve(t.id)} != {t.id}
    ] == []


def test_labels_outrank_synonyms_and_shared_synonyms_say_nothing():
    """A name that is one term's label and another's synonym is the label; a synonym of two terms is neither."""
    terms = [
        Term("CL:1", "lymphocyte", synonyms=("tic",)),
        Term("CL:2", "B cell", synonyms=("lymphocyte", "tic", "toc")),
    ]
    ontology = Ontology("test", {term.id: term for term in terms})
    assert [ontology.resolve(name) for name in ("lymphocyte", "tic", "toc")] == ["CL:1", None, "CL:2"]


def diamond():
    """Make a cell with two kinds, a common child of both, and a parent that is not in the index."""
    parents = {"CL:1": (), "CL:2": ("CL:1",), "CL:3": ("CL:2", "CL:9"), "CL:4": ("CL:3", "CL:1"), "CL:5": ("CL:2",)}
    return Ontology("test", {key: Term(key, key, p) for key, p in parents.items()})


def test_ancestors_have_their_shortest_distance():
    """Where two ways lead up, the shorter counts; a parent outside the index is kept, and ends the way."""
    assert diamond().ancestors("CL:4") == {"CL:3": 1, "CL:1": 1, "CL:2": 2, "CL:9": 2}
    assert diamond().ancestors("CL:1") == {}
    assert diamond().ancestors("no such id") == {}


def test_ancestors_end_where_terms_go_in_a_circle():
    """A circle of parents, which a damaged index could have, does not hang the run."""
    ring = Ontology("test", {"CL:1": Term("CL:1", "a", ("CL:2",)), "CL:2": Term("CL:2", "b", ("CL:1",))})
    assert ring.ancestors("CL:1") == {"CL:2": 1, "CL:1": 2}


def test_related_is_up_or_down_but_not_across():
    """A term is related to itself, its ancestors and its descendants, not to its siblings."""
    ontology = diamond()
    assert ontology.related("CL:4", "CL:4")
    assert ontology.related("CL:4", "CL:2")
    assert ontology.related("CL:2", "CL:4")
    assert not ontology.related("CL:4", "CL:5")


def test_the_bundled_terms_hang_together():
    """Every parent is a term, none is its own ancestor, and a naive B cell is a lymphocyte but no T cell."""
    assert [p for t in ONTOLOGY.terms.values() for p in t.parents if p not in ONTOLOGY] == []
    assert [key for key in ONTOLOGY.terms if key in ONTOLOGY.ancestors(key)] == []
    naive = ONTOLOGY.ancestors("CL:0000788")
    assert B_CELL in naive
    assert ONTOLOGY.resolve("lymphocyte") in naive
    assert T_CELL not in naive


def test_terms_are_read_by_column():
    """Release, id, label, parents and synonyms of a line belong together."""
    lines = [
        "# Cell Ontology 2026-03-26, CC BY\n",
        "id\n",
        "0000236\tB cell\t0000945,0000001\tB lymphocyte|B-cell\n",
        "1\tx\t\t\n",
    ]
    version, terms = read_terms(lines)
    ontology = Ontology(version, terms)
    assert version == "2026-03-26"
    assert ontology.terms[B_CELL] == Term(B_CELL, "B cell", ("CL:0000945", "CL:0000001"), ("B lymphocyte", "B-cell"))
    assert ontology.terms["CL:1"] == Term("CL:1", "x")
    assert ontology.label(B_CELL) == "B cell"


def term(name):
    """Find the id of a name, which must be one."""
    found = ONTOLOGY.resolve(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "broad", "lineage"),
    [
        ("naive B cell", "B cell", "b"),
        ("regulatory T cell", "T cell", "t"),
        ("Kupffer cell", "macrophage", "myeloid"),
        ("neutrophil", "granulocyte", "granulocyte"),
        ("hepatocyte", "hepatocyte", "epithelial"),
        ("microglial cell", "microglial cell", "myeloid"),
    ],
)
def test_a_type_has_its_broad_type(name, broad, lineage):
    """A fine label is plotted and counted under the broad type that a biologist would give it."""
    assert LINEAGES.broad(term(name)).label == broad
    assert LINEAGES.lineage(term(name)) == lineage


@pytest.mark.parametrize("key", [None, "CL:0000000", "CL:9999999"])
def test_what_has_no_broad_type(key):
    """No label, the root of the ontology and an unknown id have neither broad type nor lineage."""
    assert LINEAGES.broad(key) is None
    assert LINEAGES.lineage(key) is None


@pytest.mark.parametrize(
    ("first", "second", "disjoint"),
    [
        ("T cell", "B cell", True),
        ("hepatocyte", "macrophage", True),
        ("endothelial cell", "fibroblast", True),
        ("B cell", "naive B cell", False),
        ("T cell", "natural killer cell", False),
        ("monocyte", "neutrophil", False),
        ("lymphocyte", "T cell", False),
        ("leukocyte", "B cell", False),
    ],
)
def test_which_types_contradict_each_other(first, second, disjoint):
    """T and B markers in one cluster are a contradiction; a type and its relative or a close lineage are not."""
    assert LINEAGES.disjoint(term(first), term(second)) is disjoint


def test_a_row_may_be_shown_as_another_broad_type():
    """A term without an ontology path to its broad type is shown as that type, and keeps its own lineage."""
    lineages = toy()
    assert lineages.broad("CL:6").label == "two"
    assert lineages.lineage("CL:6") == "c"


@given(ids, ids)
def test_disjoint_is_symmetric_and_nothing_contradicts_itself_or_the_unknown(first, second):
    """Contradiction does not depend on the order, and what is not known contradicts nothing."""
    assert LINEAGES.disjoint(first, second) == LINEAGES.disjoint(second, first)
    assert not LINEAGES.disjoint(first, first)
    assert not LINEAGES.disjoint(first, None)
    assert not LINEAGES.disjoint(first, "CL:9999999")


def test_the_bundled_tables_fit_the_ontology():
    """Every broad type is a current term under its current name, and every lineage is in the table of lineages."""
    assert {key: kind.label for key, kind in LINEAGES.broad_types.items()} == {
        key: ONTOLOGY.label(key) for key in LINEAGES.broad_types
    }
    assert {kind.broad_id for kind in LINEAGES.broad_types.values()} <= set(LINEAGES.broad_types)
    assert {kind.lineage for kind in LINEAGES.broad_types.values()} == set(LINEAGES.compatible)
    assert {other for others in LINEAGES.compatible.values() for other in others} <= set(LINEAGES.compatible)


def toy():
    """Make a term between two broad types, one nearer, and one with two equally near."""
    parents = {
        "CL:1": (),
        "CL:2": (),
        "CL:3": ("CL:1",),
        "CL:4": ("CL:3", "CL:2"),
        "CL:5": ("CL:2", "CL:1"),
        "CL:6": (),
    }
    ontology = Ontology("test", {key: Term(key, key, p) for key, p in parents.items()})
    broad = [
        "cl_id\tlabel\tlineage\tbroad_id\n",
        "CL:1\tone\ta\tCL:1\n",
        "CL:2\ttwo\tb\tCL:2\n",
        "CL:6\tsix\tc\tCL:2\n",
    ]
    return read_lineages(ontology, broad, ["lineage\tcompatible_with\n", "a\tb,c\n", "b\t\n"])


def test_the_nearest_broad_type_is_taken_and_of_two_the_earlier():
    """The choice follows the distance, then the order of the table, so it is the same in every run."""
    lineages = toy()
    assert [lineages.broad(key).label for key in ("CL:1", "CL:3", "CL:4", "CL:5")] == ["one", "one", "two", "one"]


def test_compatible_lineages_hold_both_ways():
    """A pair that is stated once holds in both directions; an unknown lineage excludes nothing."""
    lineages = toy()
    assert lineages.compatible == {"a": {"b", "c"}, "b": frozenset()}
    assert lineages.compatible_lineages("a", "b")
    assert lineages.compatible_lineages("b", "a")
    assert lineages.compatible_lineages("b", "b")
    assert lineages.compatible_lineages(None, "b")
    assert not lineages.compatible_lineages("b", "c")
