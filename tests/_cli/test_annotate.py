"""``gca annotate``: files in, labels out; and what the presets say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import anndata
import jsonschema
import pandas as pd
import pytest

from gca_scanpy import get, io
from gca_scanpy._cli.lookups import load_presets
from gca_scanpy._prepare import check_species
from gca_scanpy.db import _bundled

LABELS = {"0": "B cell", "1": "T cell", "2": "monocyte", "3": "natural killer cell"}


def _broad(data):
    return get.clusters(data)["broad_label"].to_dict()


def _check_table(stdout, n_rows):
    """Stdout has only the table: a heading, a rule, the rows, the count."""
    lines = [line.strip() for line in stdout.splitlines() if line.strip()]
    assert lines[0].startswith("cluster")
    assert set(lines[1]) == {"─"}
    assert lines[-1].startswith(f"{n_rows} clusters: ")
    assert len(lines) == n_rows + 3


def test_an_h5ad_file(program, h5ad, tmp_path):
    """An h5ad file gets its labels, in a new file of which the rest is as it was, and the report as JSON."""
    before = h5ad.read_bytes()
    done = program("annotate", h5ad, "--groupby", "cluster", "-o", "new/out.h5ad", "--json-report", "new/out.json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.split() == ["wrote", str(Path("new/out.json")), "wrote", str(Path("new/out.h5ad"))]
    _check_table(done.stdout, 4)
    adata = anndata.read_h5ad(tmp_path / "new" / "out.h5ad")
    assert _broad(adata) == LABELS
    assert (adata.X != anndata.read_h5ad(h5ad).X).nnz == 0
    jsonschema.validate(json.loads((tmp_path / "new" / "out.json").read_text(encoding="utf-8")), io.json_schema())
    assert io.read_report(tmp_path / "new" / "out.json") == get.report(adata)
    assert h5ad.read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["out.h5ad", "out.json"]


def test_a_zarr_folder(gca, cells, tmp_path):
    """A zarr folder is read and written, and replaced with ``--force``, even if it is the input."""
    pytest.importorskip("zarr")
    cells.write_zarr(tmp_path / "in.zarr")
    done = gca("annotate", "in.zarr", "--groupby", "cluster", "-o", "in.zarr", "--force")
    assert done.returncode == 0, done.stderr
    assert _broad(anndata.read_zarr(tmp_path / "in.zarr")) == LABELS
    assert [path.name for path in tmp_path.iterdir()] == ["in.zarr"]


def test_the_options_reach_the_run(gca, h5ad, tmp_path):
    """Key, layer, thresholds and labels to validate do what they say."""
    options = ["--validate-only", "planted", "--key-added", "mine", "--layer", "counts", "--min-support", "3"]
    more = ["--no-force-unknown", "--n-markers", "12", "--method", "wilcoxon", "--no-raw"]
    done = gca("annotate", h5ad, "--groupby", "cluster", "-o", "out.h5ad", *options, *more)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Warning: the values look like raw counts")
    report = get.report(anndata.read_h5ad(tmp_path / "out.h5ad"), "mine")
    assert [c.annotation.proposed_label for c in report.clusters] == list(LABELS.values())
    assert {c.source for c in report.clusters} == {"user"}
    wanted = {"layer": "counts", "min_support": "3", "force_unknown": "False", "n_markers": "12", "method": "wilcoxon"}
    assert {name: report.parameters[name] for name in wanted} == wanted


def test_where_the_genes_and_the_ranking_are(gca, cells, tmp_path):
    """--gene-symbols takes the column of .var, --rank-key the ranking, --use-raw the genes of .raw."""
    import scanpy as sc

    sc.tl.rank_genes_groups(cells, "cluster", method="wilcoxon", key_added="mine")
    cells.write_h5ad(tmp_path / "ranked.h5ad")
    done = gca("annotate", "ranked.h5ad", "--groupby", "cluster", "--rank-key", "mine", "--json-report", "ranked.json")
    assert done.returncode == 0, done.stderr
    assert io.read_report(tmp_path / "ranked.json").parameters["rank_key"] == "mine"

    del cells.uns["mine"]
    cells.raw = cells
    cells.var["symbol"] = cells.var_names
    cells.var_names = [f"gene_{number}" for number in range(cells.n_vars)]
    cells.write_h5ad(tmp_path / "numbered.h5ad")
    for option, name in (("--gene-symbols", "symbol"), ("--use-raw", None)):
        values = [option, name] if name else [option]
        done = gca("annotate", "numbered.h5ad", "--groupby", "cluster", *values, "--json-report", "r.json", "--force")
        assert done.returncode == 0, done.stderr
        labels = [c.broad_label for c in io.read_report(tmp_path / "r.json").clusters]
        assert labels == list(LABELS.values()), option


def test_how_certain_a_label_must_be(gca, tmp_path):
    """--certainty stops the label at the deepest level with this probability; the path stays the same."""
    genes = ["MS4A1", "TCL1A", "IGHD", "FCER2", "CD79A", "CD79B"]
    pd.DataFrame({"cluster": "b", "gene": genes}).to_csv(tmp_path / "in.csv", index=False)

    def labeled(certainty):
        done = gca("annotate", "in.csv", "--certainty", certainty, "--json-report", "r.json", "--force")
        assert done.returncode == 0, done.stderr
        report = io.read_report(tmp_path / "r.json")
        assert report.parameters["certainty"] == str(float(certainty))
        return report.clusters[0]

    fine = labeled("0")
    assert fine.annotation.primary_label == fine.fine_label
    levels, shown = [level.label for level in fine.path], []
    for level in fine.path:
        broad = labeled(level.probability - 0.001)  # the report has rounded values
        assert broad.path == fine.path
        shown.append(broad.annotation.primary_label)
    # A level that only groups types, such as "lymphocyte of B lineage", is no label: the one above is shown.
    assert shown == sorted(shown, key=levels.index)
    assert {"lymphocyte", "B cell", fine.fine_label} <= set(shown) <= set(levels)
    assert all(levels.index(label) <= place for place, label in enumerate(shown))


def test_a_marker_table(gca, table, tmp_path):
    """A table of cluster and gene gives the labels, as csv or tsv by the output's ending."""
    for name, mark in (("out.csv", ","), ("out.tsv", "\t")):
        done = gca("annotate", table, "--tissue", "blood", "-o", name)
        assert done.returncode == 0, done.stderr
        _check_table(done.stdout, 4)
        written = pd.read_csv(tmp_path / name, sep=mark, index_col=0)
        assert written["broad_label"].tolist() == list(LABELS.values())
        assert written.index.tolist() == list(LABELS.values())


def test_own_marker_databases_are_merged(gca, tmp_path):
    """``--marker-db`` takes a table of the user, or several; 'bundled' is the one that ships with the package."""
    (tmp_path / "in.csv").write_text("cluster,gene\na,NEAT1\na,XIST\na,TTTY14\nb,MS4A1\nb,CD79A\nb,CD79B\nb,BANK1\n")
    rows = [f"hepatocyte,{gene}" for gene in ("NEAT1", "XIST", "TTTY14")]
    (tmp_path / "own.csv").write_text("\n".join(["cell_type,gene", *rows]) + "\n")
    proposed = {}
    for names in (["own.csv"], ["own.csv", "bundled"]):
        options = [text for name in names for text in ("--marker-db", name)]
        done = gca("annotate", "in.csv", "-o", "out.csv", "--force", *options)
        assert done.returncode == 0, done.stderr
        proposed[len(names)] = pd.read_csv(tmp_path / "out.csv", index_col=0)["proposed_label"].to_dict()
    assert proposed[1]["a"] == "hepatocyte"
    assert proposed[1]["b"] != "B cell"
    assert proposed[2] == {"a": "hepatocyte", "b": "B cell"}


def test_odd_cluster_names_stay_as_they_are(gca, tmp_path):
    """No name of a cluster is read as markup, cut or changed, in the table or in the report."""
    names = ["[red]", "<script>alert(1)</script>", "β µ", "x" * 300, "NK/T cell", "[/]", 'B,"b"']
    genes = ["MS4A1", "CD79A", "CD79B", "BANK1", "CD19"]
    rows = pd.DataFrame([(name, gene) for name in names for gene in genes], columns=["cluster", "gene"])
    rows.to_csv(tmp_path / "in.csv", index=False)
    done = gca("annotate", "in.csv", "--json-report", "out.json")
    assert done.returncode == 0, done.stderr
    assert [c.cluster_id for c in io.read_report(tmp_path / "out.json").clusters] == names
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    width = lines[0].index("cells")
    shown = []
    for line in lines[2:-1]:
        if "CL:" in line:
            shown.append("")
        shown[-1] += line[:width].strip()  # a long name goes on in the next lines of its column
    assert shown == names


def test_a_name_cannot_steer_the_terminal(gca, tmp_path):
    """Escape sequences in a file do not reach the terminal."""
    rows = [f"\x1b[2Ja\x07,{gene}" for gene in ("MS4A1", "CD79A", "CD79B")]
    (tmp_path / "in.csv").write_text("\n".join(["cluster,gene", *rows]) + "\n", encoding="utf-8")
    done = gca("annotate", "in.csv")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert "[2Ja" in done.stdout


def test_a_terminal_without_greek(program, tmp_path):
    """If stdout cannot encode a character, it shows a question mark, and the run goes on."""
    (tmp_path / "in.csv").write_text("cluster,gene\nβ,MS4A1\nβ,CD79A\nβ,CD79B\n", encoding="utf-8")
    done = program("annotate", "in.csv", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^\|\? .*CL:0000236", done.stdout, re.MULTILINE)
    assert done.stdout.isascii()


def test_warnings_go_to_stderr(gca, table):
    """A warning is one line on stderr, and the run goes on; stdout has the table only."""
    done = gca("annotate", table, "--tissue", "blod")
    assert done.returncode == 0
    assert re.fullmatch(r"Warning: tissue 'blod' is not known[^\n]*blood[^\n]*\n", done.stderr)
    _check_table(done.stdout, 4)


@pytest.mark.parametrize(
    ("options", "read"),
    [
        (["--tissue", "blood"], ""),
        (["--tissue", "PBMC"], "; 'PBMC' read as blood"),
        (["--tissue", "blood,bone marrow"], "; 'blood,bone marrow' read as blood, bone marrow"),
        (["--tissue", "PBMC", "--tissue", "BAL"], "; 'PBMC, BAL' read as blood, lung, airway"),
        (["--preset", "human_pbmc"], ""),
        (["--species", "Macaca_mulatta"], "; rhesus macaque read as human"),
        (["--species", "NCBITaxon:9606"], ""),
    ],
)
def test_what_was_read_is_printed(gca, table, options, read):
    """The last line of the table says what a species and tissues were read as, if not as they were given."""
    done = gca("annotate", table, *options, "--json-report", "r.json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith(f" unknown{read}")
    _check_table(done.stdout, 4)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--tissue=qqqq", "tissue 'qqqq' is not known; known are: adipose"),
        ("--species=trout", "'trout' is not known"),
    ],
)
def test_an_unknown_tissue_or_species(fails, table, option, message):
    """What cannot be understood ends the run with what is accepted."""
    assert message in fails("annotate", table, option)


class TestErrors:
    """What goes wrong is one line on stderr, no traceback, and an exit code."""

    @pytest.mark.parametrize("name", ["no.h5ad", "no.csv"])
    def test_no_such_file(self, fails, name):
        """A missing file is named."""
        assert name in fails("annotate", name, "--groupby", "cluster")

    def test_no_groupby(self, fails, h5ad):
        """Without ``--groupby`` the columns that could be meant are listed."""
        message = fails("annotate", h5ad)
        assert "--groupby" in message
        assert "cluster, planted" in message

    def test_no_such_column(self, fails, h5ad, tmp_path):
        """An unknown column is named, those that could be meant are listed, and nothing is written."""
        message = fails("annotate", h5ad, "--groupby", "leiden", "-o", "out.h5ad")
        assert "'leiden'" in message
        assert "'cluster', 'planted'" in message
        assert not (tmp_path / "out.h5ad").exists()

    def test_unknown_species(self, fails, table):
        """An unknown species is an error that lists the known ones."""
        assert "known are: human, mouse" in fails("annotate", table, "--species", "yeast")

    @pytest.mark.parametrize("option", ["-o", "--json-report"])
    def test_the_output_exists(self, fails, table, tmp_path, option):
        """An existing file is not replaced without ``--force``."""
        (tmp_path / "out.csv").write_text("mine")
        assert "--force" in fails("annotate", table, option, "out.csv")
        assert (tmp_path / "out.csv").read_text() == "mine"

    def test_the_output_is_the_input(self, fails, h5ad):
        """The error says that the output would replace the input."""
        assert "it is an input" in fails("annotate", h5ad, "--groupby", "cluster", "-o", h5ad)

    @pytest.mark.parametrize(("source", "output"), [("markers.csv", "out.h5ad"), ("in.h5ad", "out.csv")])
    def test_the_output_has_another_ending(self, fails, h5ad, table, source, output):
        """An output of the wrong kind is refused before the work."""
        groupby = ["--groupby", "cluster"] if source == "in.h5ad" else []
        assert "must end in" in fails("annotate", source, "-o", output, *groupby)

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.h5ad", b"not hdf5"),
            ("b.h5ad", b""),
            ("c.csv", b""),
            ("f.csv", b"cluster,gene\n0,A\n0,A,B,C,D\n"),
            ("d.csv.gz", b"x"),
            ("e.loom", b""),
        ],
    )
    def test_an_unreadable_file(self, fails, tmp_path, name, content):
        """A damaged, empty or foreign file is named, with what is wrong."""
        (tmp_path / name).write_bytes(content)
        options = ["--groupby", "cluster"] if name.endswith(("h5ad", "loom")) else []
        assert f"{name} " in fails("annotate", name, *options)

    def test_a_truncated_h5ad(self, fails, h5ad, tmp_path):
        """An h5ad file that was cut half-way is named."""
        (tmp_path / "cut.h5ad").write_bytes(h5ad.read_bytes()[:9000])
        assert "cut.h5ad cannot be read as h5ad" in fails("annotate", "cut.h5ad", "--groupby", "cluster")

    def test_a_table_without_the_columns(self, fails, tmp_path):
        """A table without cluster and gene says which columns it has."""
        (tmp_path / "in.csv").write_text("barcode,umis\nA,1\n")
        assert "'barcode', 'umis'" in fails("annotate", "in.csv")

    @pytest.mark.parametrize(
        "option",
        [
            ["--groupby", "cluster"],
            ["--method", "wilcoxon"],
            ["--use-raw/--no-raw"],
            ["--validate-only", "planted"],
            ["--key-added", "mine"],
        ],
    )
    def test_an_option_for_the_other_kind(self, fails, table, option):
        """An option that a table cannot have is refused, not ignored."""
        given = ["--no-raw"] if len(option) == 1 else option
        assert f"{option[0]} is for h5ad" in fails("annotate", table, *given)

    def test_a_missing_marker_database(self, fails, table):
        """A marker table that is not there is named."""
        assert "none.tsv" in fails("annotate", table, "--marker-db", "none.tsv")

    def test_a_file_in_the_way_of_the_folder(self, fails, table, tmp_path):
        """An output folder that cannot be made is named, before the work."""
        (tmp_path / "file").write_text("")
        assert "file" in fails("annotate", table, "-o", "file/out.csv")


def test_the_list(gca):
    """Every preset is a row with species, tissue and threshold."""
    done = gca("presets")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines() if "_" in line]
    assert [row[0] for row in rows] == list(load_presets())
    assert ["human_pbmc", "human", "blood", "3"] in rows
    assert {"human_brain", "mouse_kidney"} <= set(load_presets())
    assert list(load_presets()) == sorted(load_presets())


@pytest.mark.parametrize("name", load_presets())
def test_a_preset(name):
    """Its species and tissue are those that its name says, and are known; its threshold is a small number."""
    preset = load_presets()[name]
    assert name.startswith(f"{preset.species}_")
    assert check_species(preset.species) == preset.species
    assert _bundled.tissues().resolve(preset.tissue)
    assert set(_bundled.tissues().resolve(name.split("_", 1)[1].replace("_", " "))) & set(
        _bundled.tissues().resolve(preset.tissue)
    )
    assert preset.min_support in (2, 3)


def test_samples(gca, cells, tmp_path):
    """``--sample-key`` adds a column of votes, and a line about a cluster in whose samples the cells differ."""
    donors, names = ["A", "B", "C"], cells.obs["cluster"].astype(str).to_numpy().copy()
    cells.obs["donor"] = [donors[number % 3] for number in range(cells.n_obs)]
    in_b = (cells.obs["donor"] == "B").to_numpy()
    first, second = in_b & (names == "0"), in_b & (names == "1")
    names[first], names[second] = "1", "0"
    cells.obs["cluster"] = names
    cells.write_h5ad(tmp_path / "donors.h5ad")
    done = gca("annotate", "donors.h5ad", "--groupby", "cluster", "--sample-key", "donor", "--csv-report", "c.csv")
    assert done.returncode == 0, done.stderr
    assert "samples" in done.stdout.splitlines()[1] + done.stdout.splitlines()[0]
    assert re.search(r"^ *0 .* 2 of 3 ", done.stdout, re.MULTILINE)
    assert re.search(r"^0: .*1 of 3 samples differ: B \(", done.stdout, re.MULTILINE)
    assert pd.read_csv(tmp_path / "c.csv")["samples_differing"].tolist() == [1, 1, 0, 0]


def test_samples_of_a_table(gca, tmp_path):
    """A table of marker genes has no samples, and a check of labels judges none: usage errors that say so."""
    (tmp_path / "m.csv").write_text("cluster,gene\n0,MS4A1\n")
    done = gca("annotate", "m.csv", "--sample-key", "donor")
    assert (done.returncode, "--sample-key is for h5ad" in done.stderr) == (2, True)
    done = gca("annotate", "m.csv", "--sample-key", "donor", "--validate-only", "label")
    assert done.returncode == 2
