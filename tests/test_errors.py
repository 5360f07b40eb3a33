"""The error tree, and warnings that point at the user's line."""

import pickle
import re
import runpy
import warnings

import pytest

from gca_scanpy import errors
from gca_scanpy.errors import GcaError, GcaWarning, InputError, MissingKeyError, ModelError, ReplyError, ReportError


def test_one_except_clause_catches_every_error_of_the_package():
    """``except GcaError`` is enough, whatever went wrong."""
    kinds = {v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, Exception)}
    strays = {e.__name__ for e in kinds if not issubclass(e, (GcaError, GcaWarning))}
    assert strays == set()


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (InputError, ValueError),
        (MissingKeyError, KeyError),
        (MissingKeyError, InputError),
        (errors.UnknownSpeciesError, InputError),
        (errors.NoOverlapError, InputError),
        (errors.DatabaseError, ValueError),
        (ReportError, ValueError),
        (ModelError, RuntimeError),
        (ReplyError, ModelError),
    ],
)
def test_errors_are_also_the_builtin_that_a_caller_expects(error, builtin):
    """Code that catches the ordinary Python error goes on working."""
    with pytest.raises(builtin, match="what was wrong"):
        raise error("what was wrong")


def test_an_outage_is_not_an_input_error():
    """A failed model can be told from a mistake in the arguments."""
    assert not issubclass(ModelError, (InputError, ValueError))


def test_a_missing_key_message_reads_as_it_was_written():
    """The message of a MissingKeyError comes without the quotes and escapes of KeyError."""
    message = "no 'leiden' in .obs;\nthere are: 'louvain'"
    assert str(MissingKeyError(message)) == message
    assert str(MissingKeyError()) == ""


def test_errors_survive_the_way_back_from_a_worker_process():
    """An error raised in another process arrives with its type and message."""
    copy = pickle.loads(pickle.dumps(MissingKeyError("no 'leiden'")))
    assert type(copy) is MissingKeyError
    assert str(copy) == "no 'leiden'"


def test_a_warning_points_at_the_line_of_the_user(tmp_path):
    """The warning shows the user's call, not a line inside this package, however deep it arose."""
    package = {"__name__": "gca_scanpy.deep.module", "warn": errors.warn, "category": errors.GeneNameWarning}
    exec("def inner():\n    warn('few genes', category)\ndef outer():\n    inner()\n", package)
    script = tmp_path / "analysis.py"
    script.write_text("x = 1\ny = 2\nouter()\n", encoding="utf-8")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        runpy.run_path(str(script), init_globals={"outer": package["outer"]})
    assert [(w.filename, w.lineno, str(w.message)) for w in caught] == [(str(script), 3, "few genes")]
    assert caught[0].category is errors.GeneNameWarning


def test_all_warnings_of_the_package_can_be_silenced_together():
    """A filter on GcaWarning or on UserWarning covers each of them."""
    kinds = [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, Warning)]
    assert len(kinds) == 13
    assert all(issubclass(kind, GcaWarning) and issubclass(kind, UserWarning) for kind in kinds)


def test_every_error_and_warning_has_a_public_address():
    """``gca_scanpy.errors`` has each of them, so that a user can catch or silence it."""
    drawn = set(re.findall(r"(\w+(?:Error|Warning))  ", errors.__doc__))
    kinds = {name for name, v in vars(errors).items() if isinstance(v, type) and issubclass(v, (Exception, Warning))}
    assert kinds - drawn <= {"GcaError"}
