"""Tables of marker genes as other tools write them."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

import gca_scanpy as gca
from gca_scanpy.errors import InputError

SEURAT = """"","p_val","avg_log2FC","pct.1","pct.2","p_val_adj","cluster","gene"
"CD3D",1e-90,1.5,0.9,0.1,1e-86,"Naive CD4 T","CD3D"
"IL7R",1e-50,1.1,0.8,0.2,1e-46,"Naive CD4 T","IL7R"
"LYZ",1e-60,-2.5,0.1,0.9,1e-56,"Naive CD4 T","LYZ"
"TTN",0.4,0.9,0.1,0.1,1,"Naive CD4 T","TTN"
"MS4A1",0,3.3,0.9,0.1,0,"B","MS4A1"
"CD3D1",1e-9,0.2,0.9,0.1,1e-5,"B","CD3D"
"""


@pytest.fixture
def written(tmp_path):
    """Write a text to a file of this name, and read the markers of it."""

    def read(text, name="markers.csv", encoding="utf-8"):
        path = tmp_path / name
        data = text.encode(encoding)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return gca.io.read_markers(path)

    return read


@pytest.mark.parametrize("name", ["markers.csv", "markers.csv.gz", "MARKERS.CSV", "markers.txt"])
def test_seurat(written, name):
    """FindAllMarkers: the genes of each cluster in the file's order; lower ones and those by chance are left out."""
    assert written(SEURAT, name) == {"Naive CD4 T": ["CD3D", "IL7R"], "B": ["MS4A1", "CD3D"]}


def test_several_comparisons_of_a_cluster(written):
    """A gene that is lower in one of them, beyond chance, is no marker of the cluster, in whatever row that stands."""
    text = "gene,cluster,contrast,logFC,p_val\n" + "".join(
        f"CD3D,T,{a},2,0\nMS4A1,T,{a},{b},0\nLYZ,T,{a},{c},{p}\n"
        for a, b, c, p in (("T-B", -3, 2, 0), ("B-T", 3, -1, 0.9))
    )
    assert written(text) == {"T": ["CD3D", "LYZ"]}


def test_row_names_without_a_heading(written):
    """R's write.table gives row names no heading; the columns are still read right."""
    text = SEURAT.replace('"",', "", 1).replace(",", "\t")
    assert written(text, "markers.tsv") == {"Naive CD4 T": ["CD3D", "IL7R"], "B": ["MS4A1", "CD3D"]}


@pytest.mark.parametrize(("name", "mark"), [("df.csv", ","), ("df.tsv", "\t"), ("df.tsv.gz", "\t")])
def test_scanpy(cells, tmp_path, name, mark):
    """rank_genes_groups_df gives what the ranking in the object gives."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="wilcoxon")
    sc.get.rank_genes_groups_df(cells, group=None).to_csv(tmp_path / name, sep=mark)
    found = gca.io.read_markers(tmp_path / name)
    stored = cells.uns["rank_genes_groups"]
    assert list(found) == ["0", "1", "2", "3"]
    for key, genes in found.items():
        good = (stored["scores"][key] > 0) & ~(stored["logfoldchanges"][key] <= 0) & (stored["pvals"][key] <= 0.05)
        assert genes == stored["names"][key][good].tolist()
        assert len(genes) >= 10


def test_scaled_data_has_no_fold_changes(written):
    """Where the fold changes are missing, the sign of the score tells which genes are higher."""
    rows = "group,names,scores,logfoldchanges\n0,CD3D,9,\n0,LYZ,-9,\n0,CD3E,10,nan\n"
    assert written(rows) == {"0": ["CD3E", "CD3D"]}


def test_presto(written):
    """wilcoxauc: ordered by the area under the curve, which is not the order of its file."""
    text = (
        "feature,group,avgExpr,logFC,statistic,auc,pval,padj,pct_in,pct_out\n"
        "ACTB,B,1,0.1,5,0.51,1e-3,1e-2,9,9\nMS4A1,B,1,2,9,0.99,1e-9,1e-8,9,1\nLYZ,B,0,-2,1,0.1,1e-9,1e-8,1,9\n"
        "LYZ,Mono,1,2,9,0.98,1e-9,1e-8,9,1\n"
    )
    assert written(text) == {"B": ["MS4A1", "ACTB"], "Mono": ["LYZ"]}


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("cluster,gene\n7_0,MS4A1\n,CD79A\n7_0,CD79A\n7_0,MS4A1\n7_0,\n7_0,NA\n", {}),
        ("Cluster;Gene\r\n7_0;MS4A1\r\n7_0;CD79A\r\n", {}),
        ("cluster,gene\n7_0,MS4A1\n7_0,CD79A\n", {"encoding": "utf-8-sig"}),
        ("gene\tcluster\n MS4A1 \t7_0\nCD79A\t7_0", {"name": "m.txt"}),
        ("cluster, gene\n7_0, MS4A1\n7_0, CD79A\n", {}),
    ],
)
def test_plain_tables(written, text, options):
    """Columns in any order and case, spreadsheet's semicolons and byte order mark, blanks, repeats and empty rows."""
    assert written(text, **options) == {"7_0": ["MS4A1", "CD79A"]}


def test_cluster_ids_are_exact(written):
    """Clusters are text as in the file: "01", "1", "1.0", "NA" and "10" are five, in the order of the file."""
    ids = ["10", "1", "01", "1.0", "NA", "NK/T cell", "True"]
    text = "cluster,gene\n" + "".join(f"{key},MS4A1\n" for key in ids)
    assert list(written(text)) == ids


def test_clusters_keep_the_order_of_the_file(written):
    """Ordering genes by score does not reorder the clusters."""
    assert list(written("cluster,gene,score\nb,MS4A1,1\na,CD3D,9\nc,LYZ,5\n")) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "m.csv", "cannot be read as a table"),
        (b"barcode,umis\nA,1\n", "m.csv", "'barcode', 'umis'; a cluster column"),
        (b"cluster,gene\n", "m.csv", "no row"),
        (b"cluster,gene,avg_log2FC\n0,CD3D,-1\n", "m.csv", "no row"),
        (b"PK\x03\x04\xff\xfe\x00\x80", "m.csv", "m.csv"),
        (b"cluster,gene\n0,CD3D\n", "m.csv.gz", "cannot be read as a table"),
        (gzip.compress(b"cluster,gene\n0,CD3D\n", mtime=0)[:-6], "m.csv.gz", "cannot be read as a table"),
    ],
)
def test_what_is_no_table_of_markers(tmp_path, content, name, said):
    """Empty, foreign and damaged files are an InputError that names the file and what is wrong."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        gca.io.read_markers(str(tmp_path / name))
    assert name in str(caught.value)


def test_a_missing_file(tmp_path):
    """A file that is not there is a FileNotFoundError."""
    with pytest.raises(FileNotFoundError):
        gca.io.read_markers(tmp_path / "no.csv")


def test_the_markers_give_labels(tmp_path, lineages):
    """What is read can be handed to annotate_markers."""
    rows = [(label, gene) for label, genes in lineages.items() for gene in genes]
    table = pd.DataFrame(rows, columns=["cluster", "gene"]).assign(avg_log2FC=np.arange(len(rows), 0, -1))
    table.to_csv(tmp_path / "m.csv", index=False)
    report = gca.annotate_markers(gca.io.read_markers(tmp_path / "m.csv"))
    assert [c.broad_label for c in report.clusters] == list(lineages)


@pytest.mark.parametrize("cell", ['"MS4A1, CD79A"', "MS4A1;CD79A", "MS4A1|CD79A", '"[""MS4A1"", ""CD79A""]"'])
def test_lists(written, cell):
    """A row per cluster with a list, in each way in which GPT Cell Annotator took one."""
    assert written(f"cluster_id,markers\n1,{cell}\n10,CD3D\n") == {"1": ["MS4A1", "CD79A"], "10": ["CD3D"]}


@pytest.mark.parametrize("column", ["avg_diff", "avg_logFC", "log2FoldChange", "Log2 FC", "summary.logFC", "score"])
def test_lower_genes_of_any_tool(written, column):
    """Whatever the fold change is called, B-cell genes that are lower in a T cell cluster are not its markers."""
    rows = [*((gene, "-2.5") for gene in ("MS4A1", "CD79A")), *((gene, "1.5") for gene in ("CD3D", "CD3E"))]
    text = f"p_val,{column},cluster,gene\n" + "".join(f"1e-9,{value},0,{gene}\n" for gene, value in rows)
    assert written(text) == {"0": ["CD3D", "CD3E"]}


@pytest.mark.parametrize("minus", ["-", "\u2212", "\u2013"])
@pytest.mark.parametrize("mark", [";", "\t"])
def test_decimal_commas(written, minus, mark):
    """A spreadsheet of a country with decimal commas, and any minus sign."""
    text = f"cluster;gene;avg_log2FC\n0;LYZ;{minus}2,5\n0;CD3D;1,5\n0;CD3E;0,5\n".replace(";", mark)
    assert written(text) == {"0": ["CD3D", "CD3E"]}
    quoted = f'cluster,gene,avg_log2FC\n0,LYZ,"{minus}2,5"\n0,CD3D,"1,5"\n0,CD3E,"0,5"\n'
    assert written(quoted) == {"0": ["CD3D", "CD3E"]}


def test_conserved_markers(written):
    """FindConservedMarkers: a gene must be higher in all conditions, and by chance in none."""
    text = (
        "CTRL_p_val,CTRL_avg_log2FC,CTRL_pct.1,STIM_p_val,STIM_avg_log2FC,max_pval,minimump_p_val,cluster_id,gene\n"
        "1e-9,1.5,0.9,1e-9,1.2,1e-9,1e-9,0,CD3D\n1e-9,-2.5,0.1,1e-9,-2.5,1e-9,1e-9,0,MS4A1\n"
        "1e-9,2,0.5,1e-9,-1,1e-9,1e-9,0,CD79A\n1e-9,2,0.5,0.3,1,0.3,1e-9,0,CD79B\n"
    )
    assert written(text) == {"0": ["CD3D"]}


def test_cell_ranger(written):
    """Cell Ranger and Loupe Browser: columns for each cluster, best first by p-value and fold change."""
    parts = ["Mean Counts", "Log2 fold change", "Adjusted p value"]
    header = ",".join(["Feature ID", "Feature Name", *(f"Cluster {n} {part}" for n in (1, 2) for part in parts)])
    rows = (
        "ENSG1,CD3D,1,2.1,1e-9,0,-2,1e-9\nENSG2,LYZ,0,-2.1,1e-9,1,2,1e-3\n"
        "ENSG3,CD14,0,-2.1,1e-9,1,3,1e-3\nENSG4,ACTB,1,0.1,0.9,1,0.2,0.9\n"
    )
    assert written(f"{header}\n{rows}") == {"Cluster 1": ["CD3D"], "Cluster 2": ["CD14", "LYZ"]}
    loupe = (
        header.replace("Mean Counts", "Average").replace("Adjusted p value", "P-Value").replace("Feature ", "Feature")
    )
    assert written(f"{loupe}\n{rows}") == {"Cluster 1": ["CD3D"], "Cluster 2": ["CD14", "LYZ"]}


@pytest.mark.parametrize(
    ("text", "genes"),
    [
        ("avg_log2FC,p_val\n1,1e-3\n2,1e-9\n3,1e-5\n", "BCA"),  # of the alphabet, so by p-value
        ("avg_log2FC,p_val\n1,0\n3,0\n2,0\n", "BCA"),  # the p-values are equal, so by fold change
        ("avg_log2FC,p_val\n1,1e-9\n3,1e-7\n2,1e-5\n", "ABC"),  # by p-value already
        ("avg_log2FC,p_val\n3,1e-5\n2,1e-9\n1,1e-7\n", "ABC"),  # by fold change already
        ("avg_log2FC\n1\n2\n0.5\n", "BAC"),
        ("rank,score\n3,9\n1,8\n2,7\n", "BCA"),
        ("score,p_val\n7,1e-9\n8,1e-5\n9,1e-3\n", "CBA"),
        ("pct.1\n0.1\n0.9\n0.5\n", "ABC"),
    ],
)
def test_the_order_of_genes(written, text, genes):
    """By rank, else by score, else in the order of the table if this is one of p-values or fold changes."""
    header, *rows = text.splitlines()
    lines = [f"0,{gene},{row}" for gene, row in zip("ABC", rows)]
    assert written("\n".join([f"cluster,gene,{header}", *lines])) == {"0": list(genes)}


def test_a_cluster_without_higher_genes_stays(written):
    """A cluster whose genes are all lower has no markers, and its report says so; it is not lost."""
    found = written("cluster,gene,avg_log2FC\n0,CD3D,-1\n0,LYZ,-2\n1,MS4A1,2\n1,CD79A,1\n,CD19,1\n")
    assert found == {"0": [], "1": ["MS4A1", "CD79A"]}
    assert gca.annotate_markers(found).cluster("0").validation.flag_reasons[0] == "no_markers_supplied"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cluster,gene,enrichment\n0,LYZ,-2\n0,CD3D,2\n", "the column 'enrichment' .* avg_log2FC.* myAUC"),
        ("cluster,gene,avg_log2FC\n0,LYZ,low\n0,CD3D,2\n", "the column 'avg_log2FC' has 'low' in row 1"),
        (
            "cluster,gene,avg_log2FC\n0,LYZ,-2,5\n0,CD3D,1,5\n",
            "rows have 4 fields, and its first line has 3; put quotes",
        ),
        ("cluster,gene,avg_log2FC\n0,LYZ,-2\n0,CD3D,1,5\n", "rows differ in length.*put quotes"),
        ("cluster,markers\n0,MS4A1,CD79A\n1,CD3D,CD3E\n", "put quotes around each list"),
        ("cluster,markers\n0,MS4A1,CD79A,CD19\n1,CD3D\n", "rows have 4 fields"),
        ("names,scores\nMS4A1,9\n", "add a column that names it"),
        ('"","avg_log2FC","cluster"\n"CD3D",1,"0"\n', "if the genes are in the first column, call it gene"),
        ("0,1\nMS4A1,CD3D\n", "put these names above the columns; for a table with a column per cluster"),
        ("cluster,gene,Gene\n0,MS4A1,CD3D\n", "'gene' and 'Gene' with different values"),
        ("cluster,gene,fold_change\n0,MS4A1,0.5\n", r"its statistics are 'fold_change' \(ratio\)"),
    ],
)
def test_what_is_not_understood(written, text, said):
    """A statistic, a row or a form of table that is not understood is an error that says what to do."""
    with pytest.raises(InputError, match=said):
        written(text)


def test_row_names_with_a_gene_column(written):
    """Row names that R numbered are not genes; the gene column is."""
    text = "cluster gene avg_log2FC\nCD3D 0 CD3D 1.5\nCD3D1 1 CD3D 1.2\nLYZ.1 1 LYZ -1\n"
    assert written(text, "m.txt") == {"0": ["CD3D"], "1": ["CD3D"]}
    assert written('"cluster" "gene"\n"1" "NK T" "CD3D"\n', "m.txt") == {"NK T": ["CD3D"]}


@pytest.mark.parametrize(
    "cell",
    [
        "\"['MS4A1', 'CD79A']\"",
        "\"['MS4A1' 'CD79A']\"",
        "MS4A1 CD79A",
        "\"('MS4A1', 'CD79A')\"",
        '"c(""MS4A1"", ""CD79A"")"',
    ],
)
def test_lists_of_other_programs(written, cell):
    """Lists as Python, NumPy and R print them."""
    assert written(f"cluster,markers\n0,{cell}\n") == {"0": ["MS4A1", "CD79A"]}
    assert written('cluster,genes\n0,"MS4A1, CD79A"\n') == {"0": ["MS4A1", "CD79A"]}


def test_gene_names_pass_unharmed(written):
    """What Excel made of a gene, and names with marks, reach the gene names as they are."""
    names = [
        "Mar-01",
        "1-Mar",
        "2001-03-01",
        "44256",
        "Sept-9",
        "HLA-DRA",
        "NKX2.1",
        "FCGR3A/B",
        "ENSG1|CD3D",
        "CD3D_1",
    ]
    assert written("cluster,gene\n" + "".join(f"0,{name}\n" for name in names)) == {"0": names}


def test_symbols_outrank_ids(written):
    """Beside Ensembl ids, or numbers of genes, the column of symbols is read, whatever the order of the columns."""
    assert written("cluster,gene,gene_name\n0,ENSMUSG00000023274,Cd4\n0,ENSMUSG00000053977,Cd8a\n") == {
        "0": ["Cd4", "Cd8a"]
    }
    assert written("cluster,genes,markers\n0,2,MS4A1|CD79A\n1,1,CD3D\n") == {"0": ["MS4A1", "CD79A"], "1": ["CD3D"]}
    assert written("cluster,gene\n0,ENSG00000156738\n") == {"0": ["ENSG00000156738"]}


@pytest.mark.parametrize("path", [None, 5, ["m.csv"], b"m.csv", {"0": ["CD3D"]}])
def test_what_is_no_path(path):
    """A path of another type is an InputError."""
    with pytest.raises(InputError, match=r"path=.* must be the path"):
        gca.io.read_markers(path)
