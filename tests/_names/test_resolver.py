"""Labels as labs write them, to terms, candidates, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gca_scanpy._names.resolver import LEAST_SCORE
from gca_scanpy.db import _bundled

ONTOLOGY = _bundled.ontology()
NAMES = [name for term in ONTOLOGY.terms.values() for name in (term.label, *term.synonyms)]
LAB_NAMES = [row.name for row in ONTOLOGY.names]


def read(label, *tissues):
    """The name of the term of a label."""
    return ONTOLOGY.read(label, tissues).name


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Keratinocytes 1", "keratinocyte"),
        ("Fib_2", "fibroblast"),
        ("EC.3", "endothelial cell"),
        ("Excit_B", "glutamatergic neuron"),
        ("Endothelial (Capillary)", "capillary endothelial cell"),
        ("Alveolar type II (ATII) cell", "pulmonary alveolar type 2 cell"),
        ("MAIT.like.CD8+.T.cell", "mucosal-associated invariant T cell"),
        ("PROXIMAL_TUBULE_EPITHELIAL_CELLS", "epithelial cell of proximal tubule"),
        ("t cell:cd8+ alpha-beta", "CD8-positive, alpha-beta T cell"),
        ("EndothelialLymph", "endothelial cell of lymphatic vessel"),
        ("mastcells", "mast cell"),
        ("CD56brightNK", "CD16-negative, CD56-bright natural killer cell, human"),
        ("CD4+/CD45RO+ Memory", "CD4-positive, alpha-beta memory T cell"),
        ("CD4 Tcm", "central memory CD4-positive, alpha-beta T cell"),
        ("Lin-Sca1+Kit+", "hematopoietic precursor cell"),
        ("γδ T", "gamma-delta T cell"),
        ("Haematopoietic stem cells", "hematopoietic stem cell"),
        ("EREG+ Dendritic", "dendritic cell"),
        ("Monocyte (Cxcl10+)", "monocyte"),
        ("Cycling B cells", "cycling B cell"),
        ("T cells CD4 memory activated", "CD4-positive, alpha-beta memory T cell"),
        ("neutrophul", "neutrophil"),
        ("megakaryoctye", "megakaryocyte"),
        ("MuSCs", "skeletal muscle satellite cell"),
        ("B cell 1", "B cell"),
        ("Microglia, homeostatic", "microglial cell"),
    ],
)
def test_labels_are_read_as_a_person_reads_them(label, name):
    """Plural, case, brackets, numbers, markers, states, abbreviations, joined words and typing errors."""
    assert read(label) == name


@pytest.mark.parametrize(
    ("label", "tissue", "name"),
    [
        ("PC", "kidney", "renal principal cell"),
        ("PC", "tonsil", "plasma cell"),
        ("IC", "kidney", "renal intercalated cell"),
        ("IPC", "brain", "neural progenitor cell"),
        ("DC2", "blood", "CD1c-positive myeloid dendritic cell"),
        ("alpha", "pancreas", "pancreatic A cell"),
        ("basal", "lung", "respiratory basal cell"),
        ("basal", "breast", "basal-myoepithelial cell of mammary gland"),
        ("HSC", "liver", "hepatic stellate cell"),
        ("HSC", "bone marrow", "hematopoietic stem cell"),
        ("Vip", "brain", "VIP GABAergic interneuron"),
        ("L2/3 IT", "brain", "L2/3 intratelencephalic projecting glutamatergic neuron"),
        ("TAL", "kidney", "kidney loop of Henle thick ascending limb epithelial cell"),
    ],
)
def test_the_tissue_decides(label, tissue, name):
    """The same name means another type in another organ."""
    assert read(label, tissue) == name


@pytest.mark.parametrize(
    "label", ["DC2", "IPC", "IC", "PD", "GM", "LP", "Vip", "Lamp5", "GP", "PC", "MC", "alpha", "basal"]
)
def test_names_that_could_mean_two_things(label):
    """Without a tissue, an abbreviation of several types is no guess, whatever the ontology's synonyms say."""
    assert read(label) is None


def test_ambiguity_is_answered_with_candidates():
    """The candidates are those of the tissues, and of the ontology."""
    reading = ONTOLOGY.read("DC2")
    assert {ONTOLOGY.label(term) for term in reading.candidates} == {
        "CD1c-positive myeloid dendritic cell", "plasmacytoid dendritic cell"
    }  # fmt: skip
    assert "several" in reading.reason


@pytest.mark.parametrize(
    "label", ["unknown", "cluster 5", "Sample_12", "donor1", "Doublets", "low quality", "", "1", "?"]
)
def test_what_is_no_cell_type(label):
    """A number, a sample or a state alone has no term, and the reason is given."""
    reading = ONTOLOGY.read(label)
    assert reading.ontology_id is None
    assert reading.candidates == ()
    assert reading.reason


TISSUES = sorted(_bundled.tissues().canonical)


def in_each_tissue(form):
    """What a label gives where it gives a term, a candidate, or no reason; the label may contain the tissue."""
    readings = [ONTOLOGY.read(form.format(tissue), [tissue]) for tissue in TISSUES]
    return [reading for reading in readings if reading.ontology_id or reading.candidates or not reading.reason]


@pytest.mark.parametrize(
    "label",
    [
        "???",
        "?",
        "-",
        "",
        "  ",
        "...",
        "_/_",
        "(+)",
        "\u7ec6\u80de",
        "1",
        "12",
        "cluster",
        "human",
        "cycling",
        "other 3",
        "Cluster_1",
    ],
)
def test_no_word_is_no_cell_type_of_the_tissue(label):
    """Signs, numbers and words that say nothing do not become the type that is called after the tissue."""
    assert in_each_tissue(label) == []


@pytest.mark.parametrize(
    "form",
    ["{}", "{} 1", "{}_cluster_2", "human {}", "unknown {}", "{} (low quality)", "{} ?", "{} / {}", "xyzzy {}"],
)
def test_the_tissue_alone_is_no_cell_type(form):
    """A label that only repeats the tissue names no type in it."""
    assert in_each_tissue(form.replace("{}", "{0}")) == []


@pytest.mark.parametrize(
    "label",
    ["NA", "na", "N/A", "n/a", "N.A.", "nan", "NaN", "None", "null", "NULL", "nil", "<NA>", "(NA)", " NA ", "'NA'",
     "#N/A", "NaT", "n.d.", "missing", "NA_1", "nan.2", "NA/NA", "N/A 1", "None, None", "NA_character_"],
)  # fmt: skip
def test_a_missing_value_is_no_label(label):
    """What R, Python and spreadsheets write for no value names nothing in any tissue, numbered or not."""
    assert in_each_tissue(label) == []
    assert read(label) is None


def test_the_reason_for_a_missing_value():
    """It is the reason that a missing value itself has; a longer name may still begin with "NA"."""
    assert ONTOLOGY.read("<NA>").reason == ONTOLOGY.read("n.a.").reason == "there is no label"
    assert ONTOLOGY.read("").reason == "no word of it names a cell type"
    assert read("NA neurons") == "noradrenergic neuron"


def test_cells_of_a_tissue_are_a_type():
    """The ontology has such names, which say that cells are meant."""
    assert read("blood cells", "blood") == "blood cell"
    assert read("Kidney cells 2", "kidney") == "kidney cell"
    assert read("A", "pancreas") == "pancreatic A cell"
    assert read("kidney tumor", "kidney") == read("tumor", "kidney")


@pytest.mark.parametrize("other", ["endothelial progenitor", "pro-inflammatory", "non-classical", "pre-B", "CD4-"])
def test_what_turns_a_meaning_around_is_not_left_out(other):
    """No part of these words is dropped to find a wider term that they are not."""
    whole = ONTOLOGY.read(f"{other} monocyte")
    assert whole.ontology_id is None or whole.ontology_id == ONTOLOGY.resolve(f"{other} monocyte")
    assert read("endothelial progenitor") is None
    assert read("non-classical monocyte") == "non-classical monocyte"


def test_joined_types_have_their_common_ancestor():
    """Both parts of "NK/T" are candidates; parts of which one is the other's kind join nothing."""
    reading = ONTOLOGY.read("NK/T")
    assert reading.name == "lymphocyte"
    assert [ONTOLOGY.label(term) for term in reading.candidates] == ["natural killer cell", "T cell"]
    assert read("T/B doublets") == "lymphocyte"
    assert read("HSC/MPP") == "hematopoietic precursor cell"
    assert read("Fibroblast/Neuron") is None


@pytest.mark.parametrize(
    ("label", "aside"),
    [
        ("Fib 2", [("number", "2")]),
        ("IFN T cell", [("state", "IFN")]),
        ("CCL3+ monocyte", [("marker", "CCL3+")]),
        ("Oligo_B", [("letter", "B")]),
        ("Treg (Tregs)", []),
    ],
)
def test_what_was_left_aside(label, aside):
    """Each word that was not used is reported with its kind; a word that stands twice is not."""
    assert [(word.kind, word.text) for word in ONTOLOGY.read(label).aside] == aside


def test_an_id_is_its_own_name():
    """An id in any form, also behind words."""
    assert read("CL:0000236") == read("cl_0000236") == read("my type (CL:0000236)") == "B cell"


def test_every_name_of_the_ontology_that_labs_do_not_use_otherwise_is_read():
    """The label of each term gives the term; a synonym gives it, a kind or a parent of it, or candidates."""
    assert [t.id for t in ONTOLOGY.terms.values() if ONTOLOGY.resolve(t.label) != t.id] == []


@given(st.sampled_from(NAMES + LAB_NAMES), st.sampled_from(["upper", "lower", "dots", "quotes"]))
def test_case_and_outer_punctuation_change_nothing(name, how):
    """The law that users rely on when they compare columns."""
    changed = {"upper": name.upper(), "lower": name.lower(), "dots": f" {name}. ", "quotes": f'"{name}"'}[how]
    if len(changed.lower()) == len(name.lower()):  # not "ß", whose capital is two letters
        assert ONTOLOGY.resolve(changed) == ONTOLOGY.resolve(name)


@given(st.text() | st.lists(st.sampled_from(NAMES), max_size=3).map("/".join))
def test_any_text_gives_a_term_or_none(text):
    """No text fails; a term has a score, and none has a reason."""
    reading = ONTOLOGY.read(text)
    if reading.ontology_id is None:
        assert reading.reason
    else:
        assert reading.ontology_id in ONTOLOGY
        assert reading.score >= LEAST_SCORE - 0.1


def test_the_answer_does_not_depend_on_what_was_asked_before():
    """The memory of a resolver changes no answer."""
    fresh = _bundled.ontology.__wrapped__()
    for label in ("neutrophul", "Fib_2", "PC"):
        assert fresh.read(label) == ONTOLOGY.read(label)


@pytest.mark.parametrize(
    ("label", "tissue", "name"),
    [
        ("FRC", "lymph node", "fibroblastic reticular cell"),
        ("FRCs", "spleen", "fibroblastic reticular cell"),
        ("TRC", "lymph node", "T cell zone reticular cell"),
        ("RAS", "lung", "respiratory airway secretory cell"),
        ("RASCs", "airway", "respiratory airway secretory cell"),
        ("ZG", "adrenal gland", "type I cell of adrenal cortex"),
        ("zona fasciculata", "adrenal gland", "type II cell of adrenal cortex"),
        ("ZR", "adrenal gland", "type III cell of adrenal cortex"),
        ("MOLs", "brain", "mature myelinating oligodendrocyte"),
        ("MFOL", "brain", "myelin-forming oligodendrocyte"),
        ("capillary EC", "lung", "capillary endothelial cell"),
        ("EC general capillary", "lung", "alveolar capillary type 1 endothelial cell"),
        ("migDC", "lung", "migratory dendritic cell"),
        ("Migratory DCs", "lung", "lung migratory dendritic cell"),
        ("AMac", "lung", "alveolar macrophage"),
        ("Type A intercalated cell", "kidney", "renal alpha-intercalated cell"),
    ],
)
def test_names_of_the_field(label, tissue, name):
    """Zones, stages and regions have terms of their own."""
    assert read(label, tissue) == name


@pytest.mark.parametrize("label", ["pancreas", "Pancreatic", "pancreatic cells"])
def test_a_letter_is_part_of_a_name(label):
    """The "A" of "pancreatic A cell" is no article, so a tissue is no alpha cell."""
    assert read(label) != "pancreatic A cell"


def test_the_plural_of_an_abbreviation():
    """What "DC" is, "DCs" are, although the ontology has names with "DCs"."""
    wrong = []
    for row in ONTOLOGY.names:
        if row.name[-2:].isupper() and row.name[-2:].isalpha():
            tissues = [row.tissue] if row.tissue else []
            same = ONTOLOGY.resolve(f"{row.name}s", tissues) == ONTOLOGY.resolve(row.name, tissues)
            wrong += [] if same else [row]
    assert wrong == []


@pytest.mark.parametrize("label", ["DCs", "DCS", "dcs", " DCs. ", "Dendritic cells"])
def test_plurals_of_short_abbreviations(label):
    """However they are written."""
    assert read(label) == "dendritic cell"


@pytest.mark.parametrize(
    "label", ["SMC/pericyte", "SMC/Pericytes", "SMC/pericyte.", '"smc / pericytes"', "SMCs/pericytes"]
)
def test_a_name_with_a_joint(label):
    """A name of the field is one type, whatever its case, plural and outer punctuation."""
    assert read(label) == "perivascular cell"


def test_greek_capitals():
    """They are the same letters."""
    assert read("VΔ1 T cell") == read("Vδ1 T cell")
    assert read("Α", "pancreas") == read("α", "pancreas") == "pancreatic A cell"
