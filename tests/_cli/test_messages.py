"""What goes to stderr."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime

import pytest

from gca_scanpy._cli.main import main
from gca_scanpy._cli.messages import log, to_stderr

CSV = "cluster,gene\n" + "".join(f"1,{gene}\n" for gene in ("MS4A1", "CD79A", "CD79B", "BANK1"))
PANGLAO = ["--marker-db", "panglaodb", "--assets-home", "elsewhere"]


@pytest.fixture
def markers(tmp_path):
    """A marker table of one cluster."""
    (tmp_path / "markers.csv").write_text(CSV)
    return tmp_path / "markers.csv"


def test_log_json(gca, markers, tmp_path):
    """Every line on stderr is a JSON object, warnings and what is done alike; stdout is as always."""
    done = gca("annotate", markers, "--tissue", "blod", "--log-json", "--verbose", "--stats-json", "s.json")
    assert done.returncode == 0
    assert "1 cluster: 1 supported" in done.stdout
    entries = [json.loads(line) for line in done.stderr.splitlines()]
    assert all(datetime.fromisoformat(entry["time"]).utcoffset() is not None for entry in entries)
    warnings = [entry for entry in entries if entry["level"] == "warning"]
    assert [entry["category"] for entry in warnings] == ["UnknownTissueWarning"]
    assert "tissue 'blod' is not known" in warnings[0]["message"]
    assert {"read", "scoring", "written"} <= {entry.get("event") for entry in entries}


@pytest.mark.parametrize(
    ("arguments", "code", "category"),
    [
        (["annotate", "markers.csv", "--log-json", "--nothing"], 2, "UsageError"),
        (["annotate", "markers.csv", "--log-json", *PANGLAO], 1, "DatabaseError"),
    ],
)
def test_errors_as_json(gca, markers, arguments, code, category):
    """An error is one JSON object, even a usage error; --assets-home is the folder in which tables are looked for."""
    done = gca(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    entry = json.loads(done.stderr)
    assert (entry["level"], entry["category"]) == ("error", category)
    assert "--nothing" in entry["message"] or "there is no table of panglaodb in elsewhere; " in entry["message"]


def test_quiet(gca, markers):
    """--quiet leaves out warnings, not the results."""
    done = gca("annotate", markers, "--tissue", "blod", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 cluster: 1 supported" in done.stdout


def test_the_logger_is_as_before(capsys):
    """What the program does with the package's logger ends with it; a message is one line."""
    logger = logging.getLogger("gca_scanpy")
    before = logger.level, logger.propagate, list(logger.handlers)
    with to_stderr([], main):
        log.warning("a\nb")
    assert (logger.level, logger.propagate, logger.handlers) == before
    assert capsys.readouterr().err == "Warning: a b\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pseudo-terminal")
def test_a_progress_bar_on_a_terminal_only(gca, markers, on_a_terminal, serve):
    """The bar is on a terminal, and not in a file, nor with --quiet."""
    server = serve()
    ask = ["annotate", markers, "--model", "m", "--base-url", server.url, "--no-cache"]
    assert "language model" in on_a_terminal("stderr", *ask)
    assert on_a_terminal("stderr", *ask, "--quiet") == ""
    piped = gca(*ask)
    assert (piped.returncode, piped.stderr) == (0, "")
    assert len(server.requests) == 3
