"""Options of ``gca annotate`` that contradict each other, or have no effect, are refused before anything is read."""

from __future__ import annotations

import json

import anndata
import pytest

from gca_scanpy import get

CHECK = ["--groupby", "cluster", "--validate-only", "planted"]
NOBODY = "http://127.0.0.1:9"  # no server listens here


@pytest.fixture
def refused(gca, tmp_path):
    """Run a call that must be a usage error: exit code 2, one line on stderr, which it gives, and no new file."""

    def run(*arguments, **environment):
        before = sorted(tmp_path.rglob("*"))
        done = gca("annotate", *arguments, **environment)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("Error: ")
        assert done.stderr.count("\n") == 1
        assert sorted(tmp_path.rglob("*")) == before
        return done.stderr

    return run


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--dry-run"], "--dry-run"),
        (["--model", "m"], "--model"),
        (["--model", "m", "--base-url", NOBODY], "--model"),
        (["--base-url", NOBODY], "--base-url"),
        (["--escalate", "unsure"], "--escalate"),
        (["--threads", "2"], "--threads"),
        (["--no-cache"], "--no-cache"),
    ],
)
def test_checking_labels_asks_no_model(refused, h5ad, options, named):
    """--validate-only refuses every option about language models, and --dry-run; nothing is written."""
    message = refused(h5ad, *CHECK, *options, "-o", "new/out.h5ad")
    assert message == f"Error: --validate-only and {named} exclude each other\n"


@pytest.mark.parametrize(
    "options",
    [
        ["--base-url", NOBODY],
        ["--escalate", "unsure"],
        ["--max-requests", "3"],
        ["--max-tokens", "3"],
        ["--context", "a donor"],
        ["--on-error", "raise"],
        ["--ask-again"],
        ["--chunk-size", "2"],
        ["--threads", "2"],
        ["--cache-dir", "kept"],
        ["--no-cache"],
    ],
)
def test_an_option_that_needs_a_model(refused, table, options):
    """Without a model, and with --offline, an option about language models has no effect, so it is refused."""
    assert f"{options[0]} is for language models; name one with --model, or set GCA_MODEL" in refused(table, *options)
    assert f"--offline and {options[0]} exclude each other" in refused(table, *options, "--offline")
    for named in (["--model", "offline"], []):
        assert f"{options[0]} is for language models" in refused(table, *options, *named, GCA_MODEL="offline")


@pytest.mark.parametrize("url", ["nonsense", "not-a-url", "ftp://127.0.0.1/v1", "http://", "http://a:b"])
@pytest.mark.parametrize("model", [[], ["--model", "m"]])
def test_a_base_url_that_is_none(refused, table, url, model):
    """An invalid address is named, whether or not a model is."""
    message = refused(table, "--base-url", url, *model)
    assert "'--base-url'" in message
    assert f"{url!r} is not an http or https address" in message


@pytest.mark.parametrize("model", [[], ["--model", "m", "--base-url", NOBODY]])
def test_a_cache_that_is_not_one(refused, table, model):
    """A folder for answers and no cache exclude each other."""
    message = refused(table, "--cache-dir", "kept", "--no-cache", *model)
    assert "--no-cache and --cache-dir exclude each other" in message


def test_offline_with_a_model(refused, table):
    """--offline refuses --model, which it would ignore."""
    assert "--offline and --model exclude each other" in refused(table, "--offline", "--model", "m")


@pytest.mark.parametrize(
    ("names", "message"), [(["m", "m"], "the same model twice"), (["m", "offline"], "'offline', which asks no model")]
)
def test_models_that_cannot_be_asked_together(refused, table, names, message):
    """A model that is named twice, or beside 'offline', is a usage error."""
    models = [text for name in names for text in ("--model", name)]
    assert message in refused(table, "--base-url", NOBODY, *models)


def test_the_model_of_the_environment_is_not_asked(gca, h5ad, tmp_path):
    """--validate-only with GCA_MODEL asks nobody, and the report names no model."""
    done = gca("annotate", h5ad, *CHECK, "-o", "out.h5ad", GCA_MODEL="m", GCA_BASE_URL=NOBODY)
    assert (done.returncode, done.stderr) == (0, "wrote out.h5ad\n")
    report = get.report(anndata.read_h5ad(tmp_path / "out.h5ad"))
    assert {c.source for c in report.clusters} == {"user"}
    assert (report.provenance.model, report.telemetry.requests) == (None, 0)


@pytest.mark.parametrize("named", [["--model", "offline"], []])
def test_the_offline_model(gca, table, tmp_path, named):
    """'offline' as --model or as GCA_MODEL is the offline scorer."""
    done = gca("annotate", table, "--json-report", "r.json", *named, GCA_MODEL="offline")
    assert (done.returncode, done.stderr) == (0, "wrote r.json\n")
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["provenance"]["model"] is None


@pytest.mark.parametrize("source", ["in.h5ad", "markers.csv"])
def test_a_dry_run(gca, h5ad, table, tmp_path, source):
    """--dry-run shows the plan, of cells and of a table, and makes no file or folder."""
    before = sorted(tmp_path.rglob("*"))
    groupby = ["--groupby", "cluster"] if source == "in.h5ad" else []
    output = ["-o", f"new/out{source[source.index('.') :]}", "--json-report", "new/r.json"]
    done = gca("annotate", source, *groupby, *output, "--model", "m", "--base-url", NOBODY, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 requests to m@127.0.0.1:9" in done.stdout
    assert done.stdout.rstrip().endswith("Nothing was sent.")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ("2", "True", None)),
        (["--min-support", "3", "--no-force-unknown"], ("3", "False", None)),
        (["--preset", "human_pbmc"], ("3", "True", "blood")),
        (["--preset", "human_pbmc", "--min-support", "1", "--tissue", "bone marrow"], ("1", "True", "bone marrow")),
    ],
)
def test_thresholds_and_presets_reach_the_report(gca, table, tmp_path, options, expected):
    """Thresholds and a preset are in the parameters of the report; an option outranks the preset."""
    done = gca("annotate", table, "--json-report", "r.json", *options)
    assert (done.returncode, done.stderr) == (0, "wrote r.json\n")
    parameters = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["parameters"]
    assert (parameters["min_support"], parameters["force_unknown"], parameters.get("tissue")) == expected


@pytest.mark.parametrize(("value", "expected"), [("4", "4"), (None, "2")])
def test_a_threshold_of_the_environment(gca, table, tmp_path, value, expected):
    """Without --min-support, GCA_MIN_SUPPORT applies."""
    done = gca("annotate", table, "--json-report", "r.json", **({"GCA_MIN_SUPPORT": value} if value else {}))
    assert done.returncode == 0
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["parameters"]["min_support"] == expected


class TestBuiltFromTheClasses:
    """Each field of Asking and Ranking with a help text is an option, of the same type, and has no second default."""

    def test_types_and_defaults(self):
        """Counts are whole numbers from 1, choices are those that the class accepts, and nothing is given by itself."""
        import click

        from gca_scanpy._cli.annotate import annotate
        from gca_scanpy._cli.options import ASKING, RANKING

        options = {option.name: option for option in annotate.params}
        assert {*ASKING, *RANKING, "cache_dir", "no_cache"} <= set(options)
        for name in ("n_markers", "max_requests", "max_tokens", "chunk_size", "n_threads"):
            assert isinstance(options[name].type, click.IntRange), name
            assert options[name].type.min == 1
        assert list(options["escalate"].type.choices) == ["all", "unsure"]
        assert list(options["on_error"].type.choices) == ["offline", "raise"]
        parsed = annotate.make_context("annotate", [__file__]).params
        assert all(not parsed[name] for name in (*ASKING, "model", "base_url", "offline", "cache_dir", "no_cache"))
        assert all(parsed[name] is None for name in RANKING)  # also --use-raw: None leaves the choice to the data

    @pytest.mark.parametrize(("option", "value"), [("--use-raw", True), ("--no-raw", False)])
    def test_both_ways_of_a_flag(self, option, value):
        """--use-raw and --no-raw are True and False."""
        from gca_scanpy._cli.annotate import annotate

        assert annotate.make_context("annotate", [__file__, option]).params["use_raw"] is value

    def test_the_help_shows_the_defaults_of_the_classes(self, gca):
        """The defaults in the help are those of the classes."""
        from gca_scanpy._llm.asking import Asking
        from gca_scanpy._settings import Settings
        from gca_scanpy._steps import Ranking

        text = " ".join(gca("annotate", "--help").stdout.split())
        asking, ranking = Asking("m"), Ranking()
        for default in (asking.escalate, asking.chunk_size, asking.n_threads, ranking.n_markers, ranking.method):
            assert f"[default: {default}]" in text
        assert f"[default: GCA_MIN_SUPPORT, or {Settings().min_support}]" in text
