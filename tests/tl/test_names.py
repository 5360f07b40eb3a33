"""Names of genes, tissues and species as data and people write them: what a run reads, reports and refuses."""

import warnings

import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import GeneNameWarning, InputError, NoOverlapError, UnknownSpeciesError, UnknownTissueWarning

B = "MS4A1 CD79A CD79B CD19 BANK1 CD22".split()
T = "CD3D CD3E TRAC IL7R CD2 LEF1".split()
GENES = {"b": B, "t": T}


def labels(report):
    """Give the broad label of each cluster; how fine the label itself is does not matter here."""
    return [cluster.broad_label for cluster in report.clusters]


def test_dates_are_said_and_count_as_no_gene():
    """Dates of a spreadsheet change no answer, and a warning in the report counts them and says what to do."""
    with pytest.warns(GeneNameWarning, match=r"2 of 14 gene names are dates.*\(Mar-01, 2-Sep\).*as text") as caught:
        report = gca.annotate_markers({"b": [*B, "Mar-01"], "t": [*T, "2-Sep"]}, tissue="blood")
    assert len(caught) == 1
    assert report.warnings == (str(caught[0].message),)
    assert report.clusters[0].candidates == gca.annotate_markers({"b": B}, tissue="blood").clusters[0].candidates


def test_nothing_but_dates():
    """If all names are dates, the error says so."""
    with pytest.raises(NoOverlapError, match="2 of 2 gene names are dates"):
        gca.annotate_markers({"0": ["1-Mar", "2-Sep"]})


def test_a_date_in_a_table_of_ones_own_is_no_gene():
    """A marker table does not make a gene of a date either."""
    table = pd.DataFrame({"cell_type": ["B cell"] * 7, "gene": [*B, "1-Mar"]})
    assert "1-MAR" not in set(gca.db.load(table).facts["gene"])


def test_two_genomes():
    """Of a mixture of two species, only the genes of the species of the call count, and that is said."""
    mixture = {
        "b": [f"GRCh38_{gene}" for gene in B] + ["mm10___Cd3d", "mm10___Cd3e"],
        "t": [f"mm10___{gene.title()}" for gene in T] + ["GRCh38_LYZ"],
    }
    with pytest.warns(GeneNameWarning, match="8 of 15 genes have the genome of mouse; only those of human are read"):
        report = gca.annotate_markers(mixture, tissue="blood")
    assert report.clusters[0].annotation.primary_label == "B cell"
    assert report.clusters[1].validation.supporting_markers in ((), ("GRCh38_LYZ",))
    with pytest.warns(GeneNameWarning, match="7 of 15 genes have the genome of human; only those of mouse are read"):
        report = gca.annotate_markers(mixture, species="mouse", tissue="blood")
    assert labels(report)[1] == "T cell"


def test_one_genome_of_another_species():
    """If all genes have the genome of another species, they are read, and the species is questioned."""
    with pytest.warns(GeneNameWarning, match="genome of mouse, and species is human; is that right"):
        report = gca.annotate_markers({"b": [f"mm10_{gene.title()}" for gene in B]}, tissue="blood")
    assert labels(report) == ["B cell"]


@pytest.mark.parametrize("form", ["GRCh38-{}", "foo_{}", "rna_{}", "{}-ENSG99999999999"])
def test_prefixed_names_give_the_same_answer(form):
    """A prefix or an id beside each gene changes no answer; genes are reported as in the data, without Ensembl ids."""
    plain = gca.annotate_markers(GENES, tissue="blood")
    prefixed = gca.annotate_markers(
        {key: [form.format(gene) for gene in genes] for key, genes in GENES.items()}, tissue="blood"
    )
    assert labels(prefixed) == labels(plain)
    assert [c.confidence_score for c in prefixed.clusters] == [c.confidence_score for c in plain.clusters]
    assert prefixed.clusters[0].validation.supporting_markers[0] == (
        "MS4A1" if "ENSG" in form else form.format("MS4A1")
    )


def test_ribosomal_genes_with_a_genome_do_not_fill_a_list():
    """A long list is cut as it is without the prefix."""
    genes = [*(f"RPL{n}" for n in range(1, 60)), *B]
    for form in ("{}", "GRCh38_{}", "foo_{}", "{}-foo"):
        report = gca.annotate_markers({"0": [form.format(gene) for gene in genes]}, n_markers=20)
        assert labels(report) == ["B cell"]


@pytest.mark.parametrize(
    ("species", "name", "base"),
    [
        ("rattus_norvegicus", "rat", "mouse"),
        ("hamster", "golden hamster", "mouse"),
        ("Macaca mulatta", "rhesus macaque", "human"),
        ("pig", "pig", "human"),
        (9615, "dog", "human"),
        ("cow", "cow", "human"),
        ("rabbit", "rabbit", "human"),
    ],
)
@pytest.mark.parametrize("case", [str.upper, str.title, str.lower])
def test_another_mammal_is_read_by_symbol(species, name, base, case):
    """Genes of another mammal are read in any case, with the share in a warning, and confidence is at most Medium."""
    genes = {key: [*map(case, genes), "LOC100"] for key, genes in GENES.items()}
    with pytest.warns(
        GeneNameWarning, match=f"12 of the 13 distinct marker genes of {name} .*genes of {base}"
    ) as caught:
        report = gca.annotate_markers(genes, species=species, tissue="blood")
    assert labels(report) == ["B cell", "T cell"]
    assert {c.confidence for c in report.clusters} == {"Medium"}
    assert all("other_species" in c.validation.flag_reasons and c.status == "supported" for c in report.clusters)
    assert (report.provenance.species, report.provenance.genes_of, report.parameters["species"]) == (name, base, name)
    assert str(caught[0].message) in report.warnings


@pytest.mark.parametrize("species", ["zebrafish", "Gallus gallus", "arabidopsis", "", None, ["human"], 7955])
def test_other_species_are_refused(species):
    """Fish, birds, plants and what is no name are refused with the list of what is accepted and what to do."""
    with pytest.raises(UnknownSpeciesError, match=r"known are: human, mouse, rat, .*map its genes to human symbols"):
        gca.annotate_markers(GENES, species=species)


class _Model:
    name = "a model"

    def complete(self, messages, schema):
        raise NotImplementedError


def test_a_question_names_the_species_and_the_tissue():
    """A language model is told the species of the call, and the tissue in the user's words."""
    with pytest.warns(GeneNameWarning):
        plan = gca.plan_markers(GENES, model=_Model(), species="Sus scrofa", tissue=["PBMC", "lung"])
    question = plan.requests[0].messages[1].content
    assert '"species":"pig","tissue":"PBMC, lung"' in question


@pytest.mark.parametrize(
    ("tissue", "read"),
    [
        ("NSCLC", {"NSCLC": ("lung",)}),
        ("blood,bone marrow", {"blood,bone marrow": ("blood", "bone marrow")}),
        (["blood", "bone marrow"], {"blood, bone marrow": ("blood", "bone marrow")}),
        (("blood",), {"blood": ("blood",)}),
        ({"lung", "blood"}, {"blood, lung": ("blood", "lung")}),
        (pd.Series(["lung", "blood"]).unique(), {"lung, blood": ("lung", "blood")}),
        (pd.Series(["lung", "blood"], dtype="category").unique(), {"lung, blood": ("lung", "blood")}),
        (
            {"b": ["PBMC", "lung"], "t": "UBERON:0000178"},
            {"PBMC, lung": ("blood", "lung"), "UBERON:0000178": ("blood",)},
        ),
        ({"b": "blood", "t": None}, {"blood": ("blood",)}),
        ({"b": "blood", "t": float("nan")}, {"blood": ("blood",)}),
        (None, {}),
        ("", {}),
        ("unknown", {}),
        (["blood", "NA"], {"blood": ("blood",)}),
        ([], {}),
    ],
)
def test_the_report_says_what_a_tissue_was_read_as(tissue, read):
    """One tissue, several, or some by cluster: the report has each text and the tissues of the database it means."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = gca.annotate_markers(GENES, tissue=tissue)
    assert report.provenance.tissues == read
    assert {cluster.tissue for cluster in report.clusters} <= {None, *read}
    assert labels(report) == ["B cell", "T cell"]


def test_several_tissues_are_the_union_of_each():
    """With two tissues, a type of either is expected, and its score is that with its own tissue."""
    hepatocyte = "ALB APOA1 APOA2 TTR SERPINA1 FGB FGA APOC3 TF AHSG".split()
    in_liver, in_both, in_blood = (
        gca.annotate_markers({"0": hepatocyte}, tissue=tissue).clusters[0]
        for tissue in ("liver", ["blood", "liver"], "blood")
    )
    assert in_both.candidates[0] == in_liver.candidates[0]
    assert in_both.candidates[0].score > in_blood.candidates[0].score
    assert "tissue_mismatch" not in in_both.validation.flag_reasons
    assert "tissue_mismatch" in in_blood.validation.flag_reasons


@pytest.mark.parametrize("tissue", ["bone marow", ["bone marow"], {"b": "bone marow"}])
def test_a_misspelled_tissue_is_said(tissue):
    """A misspelled tissue is read as the nearest whole name, with one warning at the line of the call."""
    with pytest.warns(UnknownTissueWarning, match="'bone marow' is not known; it was read as 'bone marrow'") as caught:
        report = gca.annotate_markers(GENES, tissue=tissue)
    assert [w.filename for w in caught] == [__file__]
    assert report.provenance.tissues == {"bone marow": ("bone marrow",)}


@pytest.mark.parametrize(
    ("tissue", "message"),
    [
        ("qqqq", "'qqqq' is not known; known are: adipose, .*leave the tissue out"),
        ("pancreatitis", "'pancreatitis' is not known; the nearest known: pancrea"),
        (["blood", "qqqq"], "'qqqq' is not known"),
        ({"b": "qqqq"}, "'qqqq' is not known"),
        (3, "tissue contains 3, of type int; give a name"),
        ([["blood"]], "of type list; give a name"),
        ([None], "give a name"),
        (b"blood", "of type bytes"),
        (np.array(3), "give a name"),
        ("bone " * 2000, "is not known"),
        (pd.Series(["blood"]), "of type Series"),
        ({"b": {"t": "blood"}}, "of type dict"),
        ({"z": "blood"}, "clusters that do not exist: z; the clusters are: b, t"),
    ],
)
def test_a_tissue_that_cannot_be_used(tissue, message):
    """An unknown tissue, a wrong type, and a cluster that is not there are errors with what to do."""
    with pytest.raises(InputError, match=message):
        gca.annotate_markers(GENES, tissue=tissue)
