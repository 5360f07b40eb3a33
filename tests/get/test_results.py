"""Results as objects and tables, and what to cite for a report."""

from __future__ import annotations

import re

import attrs
import pandas as pd
import pytest
from attrs import evolve

import gca_scanpy as gca
from gca_scanpy._reporting import references
from gca_scanpy.db import _bundled
from gca_scanpy.errors import MissingKeyError
from gca_scanpy.model import Witnesses

B_CELL = "CL:0000236"
MARKERS = {"0": ["MS4A1", "CD79A", "CD79B", "BANK1"], "1": ["CD3E", "CD3D", "IL7R", "CD2"]}


def test_the_table_has_a_row_per_cluster(plant):
    """get.clusters: a row per cluster in the order of the data, with the values of the report."""
    adata = plant((30, 20, 30, 1))
    adata.obs["cluster"] = adata.obs["cluster"].cat.reorder_categories(["2", "0", "3", "1"])
    gca.tl.annotate(adata, "cluster", tissue="blood")
    table, report = gca.get.clusters(adata), gca.get.report(adata)
    assert list(table.index) == ["2", "0", "3", "1"]
    assert table.index.name == "cluster"
    assert list(table["n_cells"]) == [30, 30, 1, 20]
    for key, row in table.iterrows():
        cluster = report.cluster(key)
        assert row["label"] == cluster.annotation.primary_label
        assert row["proposed_label"] == cluster.annotation.proposed_label
        assert row["broad_label"] == cluster.broad_label
        assert row["ontology_id"] == cluster.annotation.ontology_id
        assert row["confidence_score"] == cluster.confidence_score
        assert row["flag_reasons"] == ", ".join(cluster.validation.flag_reasons)
        assert row["supporting_markers"] == ", ".join(cluster.validation.supporting_markers)
    assert table.loc["3", "flag_reasons"].startswith("no_markers_supplied")


def test_the_table_of_a_report(lineages):
    """get.clusters takes a report too, and is the same table."""
    report = gca.annotate_markers(lineages, tissue="blood")
    table = gca.get.clusters(report)
    assert list(table.index) == list(lineages)
    assert list(table["status"]) == [c.status for c in report.clusters]
    assert table["n_cells"].isna().all()


def test_the_report_is_frozen_and_counts_itself(cells):
    """get.report: frozen; its summary and metrics are those of its clusters."""
    gca.tl.annotate(cells, "cluster", tissue="blood", key_added="mine")
    report = gca.get.report(cells, key="mine")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        report.warnings = ()
    status = [c.status for c in report.clusters]
    assert report.summary.total_clusters == len(status) == 4
    assert report.summary.supported_clusters == status.count("supported")
    assert report.summary.flagged_clusters == status.count("flagged")
    assert list(report.summary.unknown_clusters) == [c.cluster_id for c in report.clusters if c.status == "unknown"]
    assert report.metrics.support_rate == pytest.approx(status.count("supported") / 4)
    assert sum(report.metrics.confidence_counts.values()) == 4


def test_a_cluster_is_found_by_its_exact_id(lineages):
    """report.cluster matches ids exactly: "1" is never "10", and a missing one lists those there are."""
    report = gca.annotate_markers({"10": lineages["B cell"], "1": lineages["T cell"]}, tissue="blood")
    assert report.cluster("1").broad_label == "T cell"
    with pytest.raises(KeyError, match="no cluster '0'; there are: 10, 1"):
        report.cluster("0")


@pytest.mark.parametrize("verb", ["clusters", "report"])
def test_before_any_run(cells, verb):
    """Before any run, the error says what to call."""
    with pytest.raises(MissingKeyError, match=r"\.uns\['gptca'\]; run gca_scanpy\.tl\.annotate"):
        getattr(gca.get, verb)(cells)


@pytest.fixture(scope="module")
def report():
    """Label B cells and T cells."""
    return gca.annotate_markers(MARKERS, tissue="blood")


def entries(text):
    """Parse BibTeX strictly: kind, key, and fields with balanced braces; anything else is an error."""
    parsed = {}
    while text := text.strip():
        head = re.match(r"@(article|misc)\{([^\s\"#%'(),={}~\\]+),\n", text)
        assert head, text[:80]
        kind, key = head.groups()
        text, fields = text[head.end() :], {}
        while not text.startswith("}"):
            name = re.match(r"\s*([a-z]+) = \{", text)
            assert name, text[:80]
            depth, end = 1, name.end()
            while depth:
                depth += {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
            assert text[end : end + 2] == ",\n", text[:80]
            assert name[1] not in fields
            fields[name[1]] = text[name.end() : end - 1]
            text = text[end + 2 :]
        assert key not in parsed
        assert fields["title"]
        if name_fields := [value for name, value in fields.items() if name not in ("doi", "url")]:
            assert not re.search(r"(?<!\\)[&%$#_]", " ".join(name_fields))
        parsed[key] = (kind, fields)
        text = text[1:]
    return parsed


def with_witnesses(report, **by_gene):
    """Give a report whose only witnesses are these, of B cells."""
    return evolve(report, witnesses={B_CELL: by_gene})


def test_the_text(report):
    """The program with its database, the ontology, and each source of the evidence are there, with their DOIs."""
    text = gca.get.references(report)
    assert text.startswith("Software and ontology\n- Diehl AD")
    made = report.provenance
    assert f"marker database {made.database_version}, sha256 {made.database_sha256}]" in text
    assert f"doi:10.1186/s13326-016-0088-7 [release {made.ontology_version}]" in text
    assert "doi:10.1093/database/baz046 [PanglaoDB]\n" in text
    assert re.search(r"^- doi:10\.1126/science\.aat5031 \[ASCT\+B kidney v[\d.]+\]$", text, re.MULTILINE)
    sections = ["Software and ontology", "Lists of markers", "Expression profiles", "Cited by the ASCT+B tables"]
    assert [line for line in text.splitlines() if line and not line.startswith("- ")] == sections
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_every_witness_has_a_reference(report):
    """No source that any gene of the report names is missing."""
    text = gca.get.references(report)
    witnesses = [one for genes in report.witnesses.values() for one in genes.values()]
    names = {part.partition("@")[0] for one in witnesses for part in (*one.stated_by, *one.nearby, *one.seen_in)}
    assert len(names) > 10
    assert [name for name in names if _bundled.sources_by_name()[name].title not in text] == []


def test_each_once_and_sorted(report):
    """A publication that several sources share is listed once, and lists of a section are sorted."""
    lines = gca.get.references(report).splitlines()
    dois = re.findall(r"doi:(10\.\S+)", "\n".join(lines).lower())
    assert len(dois) == len(set(dois))
    for group in "\n".join(lines).split("\n\n"):
        inside = [line.casefold() for line in group.splitlines()[1:]]
        assert inside == sorted(inside)
    # Two profiles are of one study, which ASCT+B cites as well, in other letters.
    made = Witnesses(B_CELL, ("asctb",), (), ("human_spleen_madissoon", "human_oesophagus_madissoon"), 2)
    (line,) = (
        line
        for line in gca.get.references(with_witnesses(report, CD79A=made)).splitlines()
        if "s13059-019-1906-x" in line
    )
    assert "human oesophagus madissoon, human spleen madissoon, ASCT+B spleen v" in line


def test_bibtex(report):
    """The entries can be parsed, and have authors, title, journal, year and DOI."""
    parsed = entries(gca.get.references(report, format="bibtex"))
    kind, fields = parsed["franzen2019panglaodb"]
    assert kind == "article"
    assert fields["author"] == "Franzén, O. and Gan, L. M. and Björkegren, J. L. M."
    assert fields["title"].startswith("{PanglaoDB: a web server")
    assert (fields["journal"], fields["year"], fields["doi"]) == ("Database", "2019", "10.1093/database/baz046")
    assert parsed["gca_scanpy"][0] == "misc"
    assert report.provenance.database_sha256 in parsed["gca_scanpy"][1]["note"]
    assert parsed["diehl2016cell"][1]["author"].endswith(" and others")
    assert any(key.startswith("doi:10.1126/") for key in parsed)
    assert any(key.startswith("pmid:") for key in parsed)
    assert len(parsed) == gca.get.references(report).count("\n- ")


def test_all_sources(report):
    """Every source of the table gives a valid entry with a key of its own."""
    names = tuple(_bundled.sources_by_name())
    made = with_witnesses(report, CD79A=Witnesses(B_CELL, names))
    parsed = entries(gca.get.references(made, format="bibtex"))
    dois = {source.doi for source in _bundled.sources_by_name().values() if source.doi}
    assert dois <= {fields.get("doi") for _, fields in parsed.values()}
    assert parsed["shogoin"][1]["author"] == "{Kyoto University}"
    assert parsed["chan2020single"][1]["author"].startswith("{Chan Zuckerberg Initiative")


def test_all_citations(report):
    """Everything that ASCT+B cites gives valid entries."""
    genes = {gene: Witnesses(B_CELL, ("asctb",)) for gene in ("CD79A", "MS4A1")}
    cited = [table for tables in _bundled.citations().values() for table in tables]
    made = references.collect(with_witnesses(report, **genes), _bundled.sources_by_name(), lambda *_: cited)
    parsed = entries(references.as_bibtex(made))
    dois = {reference.lower() for _, of_table in cited for reference in of_table if reference.startswith("doi:")}
    assert {f"doi:{fields['doi']}".lower() for _, fields in parsed.values() if "doi" in fields} >= dois


@pytest.mark.parametrize("gene", ["CD79A", "Cd79a", "ENSG00000105369"])
def test_genes_as_the_data_name_them(report, gene):
    """The references of ASCT+B are found for a gene in the data's own spelling."""
    made = with_witnesses(report, **{gene: Witnesses(B_CELL, ("asctb",))})
    assert "ASCT+B kidney v" in gca.get.references(made)


def test_only_what_the_report_shows(report):
    """A neighbor's source counts, and a source that is no witness is not listed."""
    made = with_witnesses(report, CD79A=Witnesses(B_CELL, (), ("sctype@CL:0000817",)))
    text = gca.get.references(made)
    assert "[ScType]" in text
    assert "[PanglaoDB]" not in text
    assert "ASCT+B" not in text


def test_sources_of_a_users_table():
    """Sources of a table of the user's are listed as they are named, and a DOI or PubMed id among them as such."""
    names = "My {odd} 50 % \\source_1; smith & co. 2020 data; https://doi.org/10.1234/Abc_1; PMID: 77; β"
    table = pd.DataFrame({"cell_type": ["B cell"] * 4, "gene": MARKERS["0"], "sources": [names] * 4})
    made = gca.annotate_markers({"0": MARKERS["0"]}, marker_db=table)
    text = gca.get.references(made)
    for line in ("- My {odd} 50 % \\source_1", "- smith & co. 2020 data", "- doi:10.1234/Abc_1", "- PMID:77. https:"):
        assert f"\n{line}" in text
    parsed = entries(gca.get.references(made, format="bibtex"))
    assert parsed["doi:10.1234/abc_1"][1]["doi"] == "10.1234/Abc_1"
    assert parsed["pmid:77"][1]["url"].endswith("/77/")
    titles = {fields["title"] for _, fields in parsed.values()}
    assert r"{My (odd) 50 \% \textbackslash{}source\_1}" in titles
    assert r"{smith \& co. 2020 data}" in titles
    assert "{β}" in titles


def test_a_report_without_witnesses(report):
    """A report of an earlier version gives the program and the ontology."""
    assert gca.get.references(evolve(report, witnesses={})).count("\n- ") == 2
    assert len(entries(gca.get.references(evolve(report, witnesses={}), format="bibtex"))) == 2


def test_keys_do_not_depend_on_the_report(report):
    """An entry has the same key in every report."""
    one = with_witnesses(report, CD79A=Witnesses(B_CELL, (), (), ("human_spleen_madissoon",), 1))
    other = with_witnesses(report, CD79A=Witnesses(B_CELL, (), (), ("human_oesophagus_madissoon",), 1))
    keys = [entries(gca.get.references(made, format="bibtex")).keys() for made in (one, other)]
    assert keys[0] == keys[1]
    assert "madissoon2019scrna" in keys[0]


def test_cells(plant):
    """An annotated object has the references of its report."""
    cells = plant((5, 5, 5, 5))
    gca.tl.annotate(cells, "cluster", tissue="blood")
    assert gca.get.references(cells) == gca.get.references(gca.get.report(cells))
    with pytest.raises(gca.errors.InputError, match="format='ris' must be one of: text, bibtex"):
        gca.get.references(cells, format="ris")
