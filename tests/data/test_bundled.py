"""The tables that ship with the package: every row can be used, and they agree with each other."""

from __future__ import annotations

import gc
import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from gca_scanpy import _codec
from gca_scanpy._scoring.database import COLUMNS, GENERAL
from gca_scanpy._scoring.facts import VENDORS
from gca_scanpy.db import _bundled

DATA = files("gca_scanpy") / "data"
ONTOLOGY, LINEAGES, NAMES = _bundled.ontology(), _bundled.lineages(), _bundled.gene_names()
APPROVED = set(NAMES.approved.values())
# Cd3e, Tcrg-C1, H2-K1, 1700003M07Rik, D6Ertd527e, AW112010, Gm42418, mt-Nd1: as the mouse nomenclature writes genes.
MOUSE_SYMBOL = re.compile(r"[A-Z][a-z0-9.\-]*(?:-[A-Z]\d+)?|H2-[A-Za-z]+[\d.]*|\w+Rik|D\d+\w+\d+e|[A-Z]{2}\d{6}|mt-\w+")
DECIMAL_LIMIT = 3_000_000


def read(path):
    """Give the rows of a table, header first."""
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


FACT_COLUMNS = ["cl_id", "gene", "mark", "species", "stated", "nearby", "seen"]
TYPES = read(DATA / "cell_types.tsv")
FILES = sorted((entry for entry in (DATA / "markers").iterdir() if entry.name.endswith(".tsv")), key=lambda e: e.name)
MARKERS = [(entry.name, n, row) for entry in FILES for n, row in enumerate(read(entry)[1:], start=2)]


def wrong(bad):
    """Give the first offenders with file and line, for the message of a failed test."""
    return [f"{name}:{line} {' '.join(row)}" for name, line, row in MARKERS if bad(row)][:10]


def test_the_tables_have_their_columns():
    """Every row has as many cells as its header, which is the one that is documented."""
    assert TYPES[0] == ["cl_id", "cell_type", "tissue"]
    assert all(len(row) == 3 for row in TYPES)
    assert all(read(entry)[0] == FACT_COLUMNS for entry in FILES)
    assert wrong(lambda row: len(row) != len(FACT_COLUMNS)) == []


def test_the_size_that_was_promised():
    """At least 400 types and 8,000 positive facts, and negative ones; all the data below 3 MB, names included."""
    assert len(TYPES) - 1 >= 400
    assert sum(1 for *_, row in MARKERS if row[2] != "-") >= 8000
    assert sum(1 for *_, row in MARKERS if row[2] == "-") >= 400

    def size(folder):
        return sum(size(entry) if entry.is_dir() else len(entry.read_bytes()) for entry in folder.iterdir())

    assert size(DATA) < DECIMAL_LIMIT


def test_every_type_is_a_current_term_under_its_name():
    """Every id of the table exists in the ontology index, once, and carries the name that the ontology gives it."""
    ids = [row[0] for row in TYPES[1:]]
    assert [key for key in ids if key not in ONTOLOGY] == []
    assert len(ids) == len(set(ids))
    assert [row for row in TYPES[1:] if ONTOLOGY.label(row[0]) != row[1]] == []


def test_every_marker_is_of_a_listed_type():
    """No fact is of a type without a row in the table of types, and no type is without a fact."""
    listed = {row[0] for row in TYPES[1:]}
    assert wrong(lambda row: row[0] not in listed) == []
    assert listed == {row[0] for *_, row in MARKERS}


def test_every_gene_is_a_current_symbol():
    """A gene is an approved HGNC symbol; in a mouse row it may be a symbol that only the mouse has."""
    assert wrong(lambda row: row[1] not in APPROVED and row[3] != "mouse") == []
    assert wrong(lambda row: row[1] not in APPROVED and not MOUSE_SYMBOL.fullmatch(row[1])) == []
    # A human symbol in mouse writing would be a second gene beside the first.
    assert wrong(lambda row: row[1] not in APPROVED and row[1].upper() in NAMES.approved) == []


def test_marks_species_and_sources_are_known():
    """Marks are ++, + or -; species human, mouse or both (empty); sources the codes of their table, each once."""
    codes = _bundled.public_sources()
    lists = {code for code, source in codes.items() if source.kind != "profile"}

    def is_list(text, known):
        return set(text) <= known and len(set(text)) == len(text)

    assert wrong(lambda row: row[2] not in {"++", "+", "-"}) == []
    assert wrong(lambda row: row[3] not in {"", "human", "mouse"}) == []
    assert wrong(lambda row: not is_list(row[4], lists)) == []
    assert wrong(lambda row: not is_list(row[6].replace("/", ""), codes.keys() - lists)) == []
    near = [[(part[0], f"CL:{part[1:]}") for part in row[5].split(",") if part] for *_, row in MARKERS]
    assert {code for parts in near for code, _ in parts} <= set(codes)
    assert {term for parts in near for _, term in parts if term not in ONTOLOGY} == set()


def test_every_public_source_can_be_cited():
    """A source has a code of one letter, a name of its own, a kind, terms of use, and a publication or web page."""
    sources = _bundled.public_sources()
    assert all(len(code) == 1 and code.isupper() == (source.kind != "profile") for code, source in sources.items())
    assert len({source.name for source in sources.values()}) == len(sources)
    assert {source.name for source in sources.values() if source.kind == "vendor"} == VENDORS
    assert {source.kind for source in sources.values()} == {"list", "computed", "vendor", "profile"}
    assert {source.species for source in sources.values()} == {"human", "mouse", "both"}
    assert [source for source in sources.values() if not (source.citation and source.license)] == []
    assert [source for source in sources.values() if not (source.doi or source.home)] == []
    assert [source.doi for source in sources.values() if source.doi and not source.doi.startswith("10.")] == []


def test_every_public_source_is_documented():
    """The page about the marker database lists each source with its code, and its DOI or web page."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "marker_database.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(): line for line in page.splitlines() if re.match(r"\| `\w` \|", line)}
    assert rows.keys() == {f"`{code}`" for code in _bundled.public_sources()}
    for code, source in _bundled.public_sources().items():
        assert f"| {source.title} |" in rows[f"`{code}`"]
        assert (source.doi or source.home) in rows[f"`{code}`"]


def test_the_citations_are_of_facts():
    """Each fact that ASCT+B states has its tables, and each citation is of such a fact."""
    stated = {(row[0], row[1]) for *_, row in MARKERS if "A" in row[4]}
    cited = _bundled.citations()
    assert cited.keys() == stated
    assert all(
        table and len(set(references)) == len(references) for rows in cited.values() for table, references in rows
    )


def test_no_fact_is_there_twice():
    """A gene is listed once for a type and species, so it is never positive and negative, nor counted twice."""
    seen, twice = set(), []
    for name, line, (key, gene, _, of, *_) in MARKERS:
        for species in ("human", "mouse") if not of else (of,):
            if (key, gene.upper(), species) in seen:
                twice.append(f"{name}:{line} {key} {gene} {species}")
            seen.add((key, gene.upper(), species))
    assert twice == []


def test_every_type_has_six_positive_genes():
    """No type rests on fewer than six genes."""
    positive = {row[0]: set() for row in TYPES[1:]}
    for *_, row in MARKERS:
        if row[2] != "-":
            positive[row[0]].add(row[1])
    assert {key: len(genes) for key, genes in positive.items() if len(genes) < 6} == {}


def test_tissues_are_in_the_vocabulary():
    """Every type has a tissue of the vocabulary, or is general, and each tissue names itself."""
    vocabulary = _bundled.tissues()
    known = {*vocabulary.canonical, GENERAL}
    assert [row for row in TYPES[1:] if not set(row[2].split(";")) <= known] == []
    assert all(name in vocabulary.resolve(name) for name in vocabulary.canonical)


def test_broad_types_and_lineages_agree():
    """Every lineage that a table names exists, and every broad type is a current term under its name."""
    broad, lineages = read(DATA / "broad_types.tsv"), read(DATA / "lineages.tsv")
    assert broad[0] == ["cl_id", "label", "lineage", "broad_id"]
    assert lineages[0] == ["lineage", "compatible_with"]
    names = [row[0] for row in lineages[1:]]
    assert len(names) == len(set(names))
    assert {row[2] for row in broad[1:]} == set(names)
    for name, others in ((row[0], [o for o in row[1].split(",") if o]) for row in lineages[1:]):
        assert set(others) <= set(names) - {name}
    assert len({row[0] for row in broad}) == len(broad)
    assert [row for row in broad[1:] if row[0] not in ONTOLOGY or ONTOLOGY.label(row[0]) != row[1]] == []
    assert {row[3] for row in broad[1:]} <= {row[0] for row in broad[1:]}


def test_every_type_has_a_lineage():
    """No type is outside the lineages, where nothing could contradict it, and all are shown as one of 40 to 70."""
    assert [row for row in TYPES[1:] if LINEAGES.lineage(row[0]) is None] == []
    assert 30 <= len({LINEAGES.broad(row[0]).id for row in TYPES[1:]}) <= 70


def test_a_macrophage_stays_one_wherever_it_lies():
    """What the ontology also has under a place, as perivascular or kidney interstitial, keeps a lineage that fits."""
    macrophages = [key for key in ONTOLOGY.terms if "CL:0000235" in ONTOLOGY.ancestors(key)]
    assert {"CL:0000881", "CL:1000698"} <= set(macrophages)
    lineages = {key: LINEAGES.lineage(key) for key in macrophages}
    assert {key: lineage for key, lineage in lineages.items() if lineage not in ("myeloid", "blood")} == {}


def test_the_loaded_database_is_the_files():
    """The database has a row for every line of the files, with every column filled as the agreed form says."""
    database = _bundled.database()
    facts = database.facts
    assert tuple(facts.columns) == COLUMNS
    assert len(facts) == len(MARKERS)
    assert set(facts["role"]) == {"positive", "negative"}
    assert set(facts["strength"]) == {"canonical", "supporting"}
    assert re.fullmatch(r"[0-9a-f]{64}", database.sha256)
    first = MARKERS[0][2]
    row = facts.iloc[0]
    assert (row["cl_id"], row["gene"], row["cell_type"]) == (first[0], first[1], ONTOLOGY.label(first[0]))
    names = {code: source.name for code, source in _bundled.public_sources().items()}
    seen, _, unseen = first[6].partition("/")
    for column, codes in (("sources", first[4]), ("seen", seen), ("unseen", unseen)):
        assert row[column] == ";".join(names[code] for code in codes)
    near = [f"{names[part[0]]}@CL:{part[1:]}" for part in first[5].split(",")]
    assert row["nearby"] == ";".join(near)


@pytest.mark.parametrize("table", ["approved", "older", "ensembl", "orthologs"])
def test_the_gene_tables_lead_to_current_symbols(table):
    """Older symbols, Ensembl ids and mouse orthologs all lead to an approved symbol."""
    found = set(getattr(NAMES, table).values())
    assert len(found) > 1000
    assert found <= APPROVED


def test_the_shipped_schema_is_the_codes():
    """The JSON Schema that ships is the one that the code derives from its classes."""
    shipped = json.loads((DATA / "report.schema.json").read_text(encoding="utf-8"))
    assert shipped == _codec.json_schema()


def test_the_collector_only_pauses():
    """The garbage collector is off while an index is made, and on again even if that fails."""
    with _bundled.uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), _bundled.uncollected():
        1 / 0  # noqa: B018
    assert gc.isenabled()
