"""``gca annotate --metrics-textfile``, with the real program."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


def _samples(path):
    samples = [s for family in text_string_to_metric_families(path.read_text()) for s in family.samples]
    return {"/".join((sample.name, *sample.labels.values())): sample.value for sample in samples}


def test_the_textfile(gca, program, h5ad, tmp_path):
    """The file has the run's metrics, stdout has the table only, and a second run replaces the file."""
    arguments = ("annotate", h5ad, "--groupby", "cluster", "--metrics-textfile", "job.prom")
    plain = gca(*arguments[:-2])
    for _ in range(2):
        done = program(*arguments)  # which has counted nothing yet
        assert (done.returncode, done.stderr, done.stdout) == (0, "", plain.stdout)
        found = _samples(tmp_path / "job.prom")
        assert found["gca_runs_total/completed"] == 1
        assert found["gca_clusters_total/supported"] == 4
        assert found["gca_step_seconds_count/markers"] == 1
    assert [path.name for path in tmp_path.glob("job*")] == ["job.prom"]


def test_a_failed_run(program, h5ad, tmp_path):
    """A run that fails is written as failed."""
    options = ["--groupby", "cluster", "--tissue", "blood", "--layer", "none", "--metrics-textfile", "job.prom"]
    done = program("annotate", h5ad, *options)
    assert done.returncode == 1
    assert "--metrics-textfile" not in done.stderr
    assert _samples(tmp_path / "job.prom")["gca_runs_total/failed"] == 1


def test_a_file_that_cannot_be_written(gca, table):
    """It is one line of warning, and the labels come."""
    done = gca("annotate", table, "--metrics-textfile", "none/job.prom")
    assert done.returncode == 0
    assert done.stderr.startswith("Warning: metrics cannot be written to none/job.prom")
    assert len(done.stderr.splitlines()) == 1
    assert "B cell" in done.stdout


def test_without_the_extra(program, table, tmp_path):
    """One line with the command that installs what is needed, before the work."""
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent" / "prometheus_client.py").write_text("raise ImportError('not there')")
    done = program("annotate", table, "--metrics-textfile", "job.prom", PYTHONPATH=str(tmp_path / "absent"))
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "pip install 'gca-scanpy[observability]'" in line
    assert not (tmp_path / "job.prom").exists()
