"""What ``gca annotate`` writes, and with which exit code it ends."""

from __future__ import annotations

import errno
import json
import re
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import prometheus_client
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gca_scanpy import _prometheus, io
from gca_scanpy._files import ADVICE

# "junk" has no gene of any cell type; "two" is a mixture of two lineages.
CLUSTERS = {
    "B": "MS4A1 CD79A CD79B BANK1 CD19 CD22 PAX5",
    "two": "MS4A1 CD79A CD79B CD19 BANK1 PAX5 CD22 CD3D CD3E CD3G TRAC CD2 CD5 TRAT1",
    "junk": "ZNF10 ZNF12 ZNF14 ZNF16",
}


@pytest.fixture
def mixed(tmp_path):
    """A table of a supported, a flagged and an unknown cluster."""
    rows = [f"{key},{gene}\n" for key, genes in CLUSTERS.items() for gene in genes.split()]
    (tmp_path / "mixed.csv").write_text("cluster,gene\n" + "".join(rows))
    return tmp_path / "mixed.csv"


def test_all_reports_and_fail_on(gca, mixed, tmp_path):
    """All reports are written and the table is printed before --fail-on ends with exit code 3 and says why."""
    names = {"json": "r.json", "csv": "r.csv", "html": "r.html"}
    reports = [text for kind, name in names.items() for text in (f"--{kind}-report", f"new/{name}")]
    fail_on = ["--fail-on", "flagged", "--fail-on", "unknown"]
    done = gca("annotate", mixed, "--preset", "human_pbmc", *reports, "--stats-json", "new/stats.json", *fail_on)
    assert done.returncode == 3, done.stderr
    assert done.stderr.splitlines() == [
        *(f"wrote {Path('new', name)}" for name in ("r.json", "r.csv", "r.html", "stats.json")),
        "Error: --fail-on flagged: 1 of 3 clusters: two",
        "Error: --fail-on unknown: 1 of 3 clusters: junk",
    ]
    assert "3 clusters: 1 supported, 1 flagged, 1 unknown" in done.stdout
    assert re.search("^two: .* is supported beside .*, by ", done.stdout, re.MULTILINE)
    report = io.read_report(tmp_path / "new" / "r.json")
    assert [c.status for c in report.clusters] == ["supported", "flagged", "unknown"]
    assert pd.read_csv(tmp_path / "new" / "r.csv", dtype=str)["cluster"].tolist() == list(CLUSTERS)
    page = (tmp_path / "new" / "r.html").read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html")
    assert "MS4A1" in page
    stats = json.loads((tmp_path / "new" / "stats.json").read_text(encoding="utf-8"))
    assert stats["summary"]["flagged_clusters"] == 1
    assert stats["telemetry"]["requests"] == 0
    assert "clusters" not in stats
    schema = io.json_schema()
    rest = {**schema["$defs"]["DatasetReport"]["properties"]}
    jsonschema.validate(stats["metrics"], {**rest["metrics"], "$defs": schema["$defs"]})
    # The values of the preset.
    wanted = {"species": "human", "tissue": "blood", "min_support": "3"}
    assert {name: stats["parameters"][name] for name in wanted} == wanted


def test_the_page_of_cells(gca, cells, tmp_path):
    """Of cells with an embedding the page has their picture, whatever the key; of another input it has none."""
    cells.obsm["X_umap"] = np.arange(2.0 * cells.n_obs).reshape(-1, 2)
    cells.write_h5ad(tmp_path / "a.h5ad")
    options = ["--groupby", "cluster", "--key-added", "mine", "--html-report", "r.html"]
    done = gca("annotate", "a.h5ad", *options)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert 'aria-label="UMAP of the cells"' in page
    assert '"counts":[30,30,30,30,0]' in page


def test_fail_on_what_is_not_there(gca, mixed, tmp_path):
    """Without such a cluster the exit code is 0; an option outranks the preset; --verbose says what is done."""
    mixed.write_text("".join(line for line in mixed.open() if not line.startswith(("two", "junk"))))
    options = ["--preset", "mouse_kidney", "--species", "human", "--min-support", "1", "--stats-json", "s.json"]
    done = gca("annotate", mixed, *options, "--fail-on", "flagged", "--fail-on", "unknown", "--verbose")
    assert done.returncode == 0, done.stderr
    parameters = json.loads((tmp_path / "s.json").read_text())["parameters"]
    assert (parameters["species"], parameters["tissue"], parameters["min_support"]) == ("human", "kidney", "1")
    lines = done.stderr.splitlines()
    assert f"read {mixed}: 1 clusters" in lines
    assert any(line.startswith("scoring: 0.") for line in lines)
    assert "wrote s.json" in lines


class TestRefused:
    """What is known to fail is refused before the work."""

    def test_two_outputs_in_one_file(self, fails, mixed):
        """A file that is named twice would lose one of its contents."""
        assert "named for two outputs" in fails("annotate", mixed, "--json-report", "a", "--stats-json", "./a")

    @pytest.mark.parametrize("option", ["--csv-report", "--html-report", "--stats-json", "--references"])
    def test_what_is_there(self, fails, mixed, option):
        """The input is not replaced without --force."""
        before = mixed.read_bytes()
        assert "it is an input" in fails("annotate", mixed, option, mixed)
        assert mixed.read_bytes() == before

    @pytest.mark.parametrize(
        "option", ["-o", "--json-report", "--csv-report", "--html-report", "--stats-json", "--references"]
    )
    @pytest.mark.parametrize("name", ["mixed.csv", "new/../mixed.csv", "link.csv", "db.csv"])
    def test_no_report_replaces_an_input(self, fails, mixed, tmp_path, option, name):
        """Not even --force puts labels or a report in the place of the marker genes, or of a database."""
        before = mixed.read_bytes()
        (tmp_path / "new").mkdir()
        (tmp_path / "link.csv").symlink_to(mixed)
        (tmp_path / "db.csv").write_text("cell_type,gene\nB cell,MS4A1\n")
        message = fails("annotate", mixed, "--marker-db", "db.csv", option, name, "--force")
        assert f"{name} is an input, which this output does not replace, not even with --force" in message
        assert mixed.read_bytes() == before
        assert (tmp_path / "db.csv").read_text().startswith("cell_type")

    @pytest.mark.parametrize("option", ["--json-report", "--csv-report", "--html-report", "--stats-json"])
    def test_no_report_replaces_the_cells(self, gca, fails, h5ad, tmp_path, option):
        """A report never takes the place of the cells, but -o with --force does: it contains them."""
        before = h5ad.read_bytes()
        assert "is an input" in fails("annotate", h5ad, "--groupby", "cluster", option, h5ad, "--force")
        assert h5ad.read_bytes() == before
        if option == "--json-report":
            (tmp_path / "c.csv").write_text("barcode,cluster\n")
            call = ("annotate", h5ad, "--clusters", "c.csv", option, "c.csv", "--force")
            assert "c.csv is an input" in fails(*call)
            assert gca("annotate", h5ad, "--groupby", "cluster", "-o", h5ad, "--force").returncode == 0
            for name in ("--cas-json", "--html-report"):
                assert "is an input" in fails("export", h5ad, name, h5ad, "--force")

    @pytest.mark.parametrize(
        "options",
        [
            ("-o", "mine.csv"), ("--json-report", "mine.csv"), ("--csv-report", "mine.csv"),
            ("--html-report", "mine.csv"), ("--stats-json", "mine.csv"),
        ],
    )  # fmt: skip
    def test_a_file_of_the_user(self, fails, mixed, tmp_path, options):
        """No output replaces a file without --force, and nothing is written before that is known."""
        (tmp_path / "mine.csv").write_text("mine")
        assert "mine.csv is already there" in fails("annotate", mixed, *options)
        assert (tmp_path / "mine.csv").read_text() == "mine"

    @pytest.mark.parametrize("output", ["mine.zarr", "mine.h5ad"])
    def test_a_folder_of_the_user(self, fails, h5ad, tmp_path, output):
        """Even --force does not replace a folder of other files, though a zarr folder can be an output."""
        (tmp_path / output).mkdir()
        (tmp_path / output / "mine").write_text("mine")
        message = fails("annotate", h5ad, "--groupby", "cluster", "-o", output, "--force")
        assert "a folder with other files" in message
        assert (tmp_path / output / "mine").read_text() == "mine"

    @pytest.mark.parametrize("other", [(), ("--stats-json", "job.prom")])
    def test_metrics_in_a_file_of_the_run(self, fails, mixed, tmp_path, other):
        """The file of metrics, which each run replaces, is neither the input nor another output."""
        metrics = "job.prom" if other else mixed
        before = mixed.read_bytes()
        message = fails("annotate", mixed, *other, "--metrics-textfile", metrics, "--force")
        assert "named for the metrics" in message
        assert mixed.read_bytes() == before

    def test_a_loom_file_of_other_cells(self, fails, h5ad):
        """Only a loom file can become one."""
        assert "must end in .h5ad or .zarr" in fails("annotate", h5ad, "--groupby", "cluster", "-o", "out.loom")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--fail-on", "supported"], "'supported' is not one of 'flagged', 'unknown'"),
            (["--preset", "pbmc"], "no preset 'pbmc'; the most similar are human_pbmc; 'gca presets' lists all"),
            (["--preset", "human_kidny"], "the most similar are human_kidney, "),
            (["--preset", "kidny"], "the most similar are human_kidney, mouse_kidney; "),
            (["--preset", "xyz"], "there is no preset 'xyz'; 'gca presets' lists all"),
            (["--quiet", "--verbose"], "exclude each other"),
            (["--clusters", "none.csv"], "none.csv"),
        ],
    )
    def test_an_unknown_value(self, fails, mixed, options, message):
        """An unknown value is an error that lists the known ones."""
        assert message in fails("annotate", mixed, *options)


class TestNothingIsLost:
    """If one output cannot be written, all others are, the table is printed, and the exit code is 1."""

    REPORTS = ("--json-report", "r.json", "--csv-report", "r.csv", "--html-report", "r.html", "--stats-json", "s.json")

    def _check(self, done, tmp_path, n_clusters, failed):
        assert done.returncode == 1
        assert f"{n_clusters} clusters: " in done.stdout
        there = {path.name for path in tmp_path.iterdir()}
        assert {"r.json", "r.csv", "r.html", "s.json"} - {failed} <= there
        assert failed not in there
        assert not [name for name in there if ".part" in name]
        errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        assert failed in errors[0]
        return errors

    def test_cells_that_h5ad_cannot_store(self, gca, cells, tmp_path, monkeypatch):
        """What the user's object contains stops the writer after the work."""
        cells.write_h5ad(tmp_path / "a.h5ad")
        monkeypatch.setattr("anndata.AnnData.write_h5ad", _fails(TypeError("no such type")))
        done = gca("annotate", "a.h5ad", "--groupby", "cluster", *self.REPORTS, "-o", "out.h5ad")
        assert len(self._check(done, tmp_path, 4, "out.h5ad")) == 1
        assert "out.h5ad cannot be written: no such type" in done.stderr

    @pytest.mark.parametrize("failed", ["out.h5ad", "r.json", "r.csv", "r.html", "s.json"])
    def test_a_disk_that_gets_full(self, gca, h5ad, tmp_path, monkeypatch, failed):
        """The disk takes all outputs but one."""
        replace = type(tmp_path).replace

        def full(part, target):
            if target.name == failed:
                raise OSError(errno.ENOSPC, "No space left on device", str(part))
            return replace(part, target)

        monkeypatch.setattr(type(tmp_path), "replace", full)
        options = ["--fail-on", "unknown"] if failed == "r.csv" else []
        done = gca("annotate", h5ad, "--groupby", "cluster", *self.REPORTS, "-o", "out.h5ad", *options)
        errors = self._check(done, tmp_path, 4, failed)
        assert errors == [f"Error: {failed} cannot be written: No space left on device; {ADVICE[errno.ENOSPC]}"]
        assert failed == "out.h5ad" or (tmp_path / "out.h5ad").exists()

    def test_a_table(self, gca, mixed, tmp_path, monkeypatch):
        """The same for a table of markers; --fail-on is reported as well."""
        monkeypatch.setattr(pd.DataFrame, "to_csv", _fails(PermissionError(errno.EACCES, "Permission denied")))
        done = gca("annotate", mixed, *self.REPORTS, "-o", "out.csv", "--fail-on", "unknown")
        errors = self._check(done, tmp_path, 3, "out.csv")
        assert errors[1:] == ["Error: --fail-on unknown: 1 of 3 clusters: junk"]

    def test_a_pipe_that_nobody_reads(self, gca, mixed, tmp_path, monkeypatch):
        """`gca annotate ... | head` loses the table and nothing else."""
        monkeypatch.setattr(
            "gca_scanpy._cli.annotate.print_report", _fails(BrokenPipeError(errno.EPIPE, "Broken pipe"))
        )
        gca("annotate", mixed, *self.REPORTS, "-o", "out.csv")
        assert {"out.csv", "r.json", "r.csv", "r.html", "s.json"} <= {path.name for path in tmp_path.iterdir()}


def _fails(error):
    def fail(*_, **__):
        raise error

    return fail


class TestFoundBeforeTheRun:
    """What cannot be written is found before anything is read or computed."""

    @pytest.fixture(autouse=True)
    def _no_run(self, monkeypatch):
        monkeypatch.setattr("gca_scanpy._pipeline.annotate", None)
        monkeypatch.setattr("gca_scanpy._stores.files.read", None)

    @pytest.mark.skipif(sys.platform != "linux", reason="/proc is of Linux")
    @pytest.mark.parametrize("option", ["-o", "--json-report", "--html-report"])
    @pytest.mark.parametrize("place", ["/proc/out.h5ad", "/proc/new/out.h5ad"])
    def test_a_folder_that_takes_no_file(self, fails, h5ad, option, place):
        """Neither a file nor a folder can be made there."""
        assert f"{place} cannot be written: " in fails("annotate", h5ad, "--groupby", "cluster", option, place)

    def test_a_folder_without_permission(self, fails, h5ad, tmp_path, monkeypatch):
        """As for any user but root."""
        monkeypatch.setattr(type(tmp_path), "touch", _fails(PermissionError(errno.EACCES, "Permission denied")))
        message = fails("annotate", h5ad, "--groupby", "cluster", "-o", "out.h5ad")
        assert message.startswith("Error: out.h5ad cannot be written: Permission denied; choose a place where you have")

    def test_a_name_that_is_too_long(self, fails, h5ad):
        """The file system does not take it."""
        message = fails("annotate", h5ad, "--groupby", "cluster", "-o", f"{'x' * 300}.h5ad")
        assert "give a shorter name" in message or "File name too long" in message

    @pytest.mark.parametrize("force", [[], ["--force"]])
    def test_a_folder_under_the_name(self, fails, h5ad, tmp_path, force):
        """A folder is not replaced by a file, nor a file by a folder, not even with --force."""
        (tmp_path / "out.h5ad").mkdir()
        (tmp_path / "out.zarr").write_text("")
        call = ("annotate", h5ad, "--groupby", "cluster", *force, "-o")
        assert "choose another name" in fails(*call, "out.h5ad")
        assert "choose another name" in fails(*call, "out.zarr")
        assert (tmp_path / "out.h5ad").is_dir()

    @pytest.mark.parametrize("key", ["a/b", "", "..", "x" * 300])
    def test_a_key_that_files_cannot_contain(self, fails, h5ad, key):
        """It is an error of usage."""
        message = fails("annotate", h5ad, "--groupby", "cluster", "--key-added", key, "-o", "out.h5ad")
        assert "Invalid value for '--key-added': " in message
        assert "must be a name that files can contain" in message


@pytest.fixture
def _nothing_counted():
    """Begin as the program does: without the metrics of other runs of this process."""
    for meter in _prometheus._METERS.values():
        prometheus_client.REGISTRY.unregister(meter)
    _prometheus._METERS.clear()
    _prometheus._UNWRITABLE.clear()


def _samples(path):
    samples = [s for family in text_string_to_metric_families(path.read_text()) for s in family.samples]
    return {"/".join((sample.name, *sample.labels.values())): sample.value for sample in samples}


@pytest.mark.usefixtures("_nothing_counted")
def test_the_metrics_file(gca, h5ad, tmp_path):
    """The metrics file has the run's metrics, stdout has the table only, and a second run replaces the file."""
    arguments = ("annotate", h5ad, "--groupby", "cluster", "--metrics-textfile", "job.prom")
    for n_runs in (1, 2):  # of this process; a program has one
        done = gca(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        samples = _samples(tmp_path / "job.prom")
        assert samples["gca_runs_total/completed"] == n_runs
        assert samples["gca_clusters_total/supported"] == 4 * n_runs
        assert samples["gca_step_seconds_count/markers"] == n_runs
    assert done.stdout == gca(*arguments[:-2]).stdout
    assert [path.name for path in tmp_path.glob("job*")] == ["job.prom"]


@pytest.mark.usefixtures("_nothing_counted")
def test_the_metrics_of_a_failed_run(fails, h5ad, tmp_path):
    """A run that fails is in the metrics file as failed."""
    call = ("annotate", h5ad, "--groupby", "cluster", "--tissue", "blood", "--layer", "none")
    assert "--metrics-textfile" not in fails(*call, "--metrics-textfile", "job.prom")
    assert _samples(tmp_path / "job.prom")["gca_runs_total/failed"] == 1


@pytest.mark.usefixtures("_nothing_counted")
def test_a_metrics_file_that_cannot_be_written(gca, table):
    """It is one line of warning, and the labels come."""
    done = gca("annotate", table, "--metrics-textfile", "none/job.prom")
    assert done.returncode == 0
    assert done.stderr.startswith("Warning: metrics cannot be written to none/job.prom")
    assert len(done.stderr.splitlines()) == 1
    assert "B cell" in done.stdout


def test_a_metrics_file_without_the_extra(fails, table, tmp_path, monkeypatch):
    """One line with the command that installs what is needed, before the work."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)  # an import raises ImportError
    message = fails("annotate", table, "--metrics-textfile", "job.prom")
    assert "pip install 'gca-scanpy[observability]'" in message
    assert not (tmp_path / "job.prom").exists()


def test_methods_of_a_file_and_of_a_report(tmp_path, cells):
    """``gca methods`` prints the paragraph of annotated cells and of a report, and the references if asked."""
    from click.testing import CliRunner

    import gca_scanpy as gca
    from gca_scanpy._cli.main import main

    gca.tl.annotate(cells, "cluster", tissue="blood")
    cells.write_h5ad(tmp_path / "a.h5ad")
    gca.io.to_json(cells, tmp_path / "r.json")
    expected = gca.get.methods(cells)
    for name in ("a.h5ad", "r.json"):
        assert CliRunner().invoke(main, ["methods", str(tmp_path / name)]).output.strip() == expected
    shown = CliRunner().invoke(main, ["methods", str(tmp_path / "r.json"), "--references"]).output
    assert shown.strip() == gca.get.methods(cells, references=True).strip()
