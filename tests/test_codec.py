"""Reports to JSON and back."""

import json
from importlib.resources import files

import jsonschema
import pytest
from attrs import asdict, evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gca_scanpy import _codec, model
from gca_scanpy.errors import ReportError

text = st.text(max_size=8)
texts = st.lists(text, max_size=2).map(tuple)
share = st.floats(0, 1)
counts = st.dictionaries(text, st.integers(0, 99), max_size=2)
evidence = st.lists(st.builds(model.Evidence, text, st.floats(-50, 50)), max_size=2).map(tuple)
candidate = st.builds(model.Candidate, text, st.none() | text, st.floats(-50, 50), share, evidence, evidence)
alternatives = st.lists(st.builds(model.Alternative, text, text, st.none() | text), max_size=2).map(tuple)
levels, statuses = st.sampled_from(model.CONFIDENCE_LEVELS), st.sampled_from(model.STATUSES)
model_answers = st.lists(st.builds(model.ModelAnswer, text, text, st.none() | text, share), max_size=2).map(tuple)
panel = st.builds(model.Panel, model_answers, share, share)
decision = st.builds(
    model.Decision,
    text,
    st.sampled_from(["accepted", "changed", "mixed", "reopened"]),
    text,
    st.none() | text,
    text,
    st.none() | text,
    text,
    text,
    text,
)
annotation = st.builds(
    model.Annotation, text, text, st.none() | text, st.none() | text, levels, text, alternatives, texts, texts
)
validation = st.builds(
    model.Validation,
    st.booleans(),
    texts,
    texts,
    st.dictionaries(text, texts, max_size=2),
    st.booleans(),
    texts,
    st.integers(0, 99),
    texts,
    texts,
    st.none() | st.builds(model.Separation, text, st.none() | text, st.integers(0, 99), st.integers(0, 99), texts),
)
mixture = st.builds(
    model.Mixture,
    st.sampled_from(["two_populations", "doublets", "ambient", "undecided"]),
    st.lists(st.builds(model.Part, text, st.none() | text, share, texts), max_size=2).map(tuple),
    share,
)
cluster = st.builds(
    model.ClusterReport,
    cluster_id=text,
    annotation=annotation,
    validation=validation,
    warnings=texts,
    status=statuses,
    confidence=levels,
    confidence_score=share,
    broad_label=text,
    broad_ontology_id=st.none() | text,
    source=st.sampled_from(["offline", "model", "user"]),
    states=texts,
    candidates=st.lists(candidate, max_size=2).map(tuple),
    n_cells=st.none() | st.integers(0, 10**7),
    tissue=st.none() | text,
    struck_markers=texts,
    panel=st.none() | panel,
    mixture=st.none() | mixture,
)
provenance = st.builds(
    model.Provenance,
    st.dictionaries(text, text, max_size=2),
    text,
    text,
    text,
    st.none() | text,
    st.none() | text,
    text,
    text,
)
reports = st.builds(
    model.DatasetReport,
    schema_version=st.just(model.SCHEMA_VERSION),
    summary=st.builds(model.Summary, st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), texts),
    metrics=st.builds(model.Metrics, share, share, share, counts, counts),
    clusters=st.lists(cluster, max_size=2).map(tuple),
    parameters=st.dictionaries(text, text, max_size=2),
    provenance=provenance,
    telemetry=st.builds(
        model.Telemetry,
        requests=st.integers(0, 99),
        seconds=st.dictionaries(text, share, max_size=2),
        invented_clusters=texts,
        cluster_tokens=st.dictionaries(text, share, max_size=2),
        request_seconds=st.lists(share, max_size=2).map(tuple),
    ),
    warnings=texts,
    audit=st.lists(decision, max_size=2).map(tuple),
)
VALIDATOR = jsonschema.Draft202012Validator(_codec.json_schema())
some = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.fixture
def plain():
    """Make a small report as plain dictionaries."""
    validation = model.Validation(True, ("Cd3e",), (), {"LYZ": ("monocyte",)}, False, (), 1, ())
    annotation = model.Annotation("T cell", "T cell", "CL:0000084", "CL:0000084", "High", "", (), (), ())
    one = model.ClusterReport(
        "NK/T cell", annotation, validation, (), "supported", "High", 0.9, "T cell", "CL:0000084", "offline"
    )
    report = model.DatasetReport(
        model.SCHEMA_VERSION,
        model.Summary(1, 1, 0, ()),
        model.Metrics(1.0, 0.0, 0.0, {}, {"Low": 0, "Medium": 0, "High": 1}),
        (one,),
        {},
        model.Provenance({}, "1", "0" * 64, "2026", None, None, "run", "2026-01-01T00:00:00+00:00"),
        model.Telemetry(),
    )
    return _codec.to_dict(report)


@some
@given(reports)
def test_a_report_comes_back_as_it_was(report):
    """Written and read, a report equals itself, and the same report gives the same text."""
    text = _codec.to_json(report)
    back = _codec.from_json(text)
    assert back == report
    assert _codec.to_json(back) == text
    assert _codec.from_json(_codec.to_json(report, indent=2)) == report


@some
@given(reports)
def test_a_text_with_the_fields_in_the_order_of_the_classes(report):
    """The text is what json.dumps makes of attrs' own dictionaries: each field in its place, text as it is."""
    assert _codec.to_json(report) == json.dumps(asdict(report), ensure_ascii=False)
    assert _codec.to_dict(report) == json.loads(json.dumps(asdict(report)))


@some
@given(reports)
def test_every_report_is_valid_by_the_schema(report):
    """What this package writes, a validator of its JSON Schema accepts."""
    VALIDATOR.validate(_codec.to_dict(report))


def test_the_schema_is_a_schema_and_is_the_one_that_ships():
    """The published file is the schema of this version's classes."""
    jsonschema.Draft202012Validator.check_schema(_codec.json_schema())
    shipped = (files("gca_scanpy") / "data" / "report.schema.json").read_text(encoding="utf-8")
    command = "print(json.dumps(_codec.json_schema(), indent=2))"
    assert json.loads(shipped) == _codec.json_schema(), f"write the file again, with what this prints: {command}"


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("clusters", 0, "status"), "fine", "$.clusters[0].status"),
        (("clusters", 0, "n_cells"), "12", "$.clusters[0].n_cells"),
        (("clusters", 0, "confidence_score"), "0.9", "$.clusters[0].confidence_score"),
        (("clusters", 0, "cluster_id"), 7, "$.clusters[0].cluster_id"),
        (("clusters", 0, "validation", "is_supported"), 1, "$.clusters[0].validation.is_supported"),
        (("clusters", 0, "warnings"), "one", "$.clusters[0].warnings"),
        (("clusters", 0, "validation", "supporting_markers"), {"CD3E": 1}, "supporting_markers"),
        (("summary", "total_clusters"), True, "$.summary.total_clusters"),
        (("metrics", "flagged_reasons"), [], "$.metrics.flagged_reasons"),
        (("clusters",), None, "$.clusters"),
        (("provenance",), [], "$.provenance"),
    ],
)
def test_a_damaged_report_is_refused_and_the_place_named(plain, path, value, place):
    """A value of the wrong type is never read as if it were right, by the reader or by the schema."""
    target = plain
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    assert not VALIDATOR.is_valid(plain)
    with pytest.raises(ReportError, match="the report is damaged") as caught:
        _codec.from_json(json.dumps(plain))
    assert place in str(caught.value)


def test_a_missing_field_is_named(plain):
    """The message says which field is not there."""
    del plain["clusters"][0]["annotation"]["rationale"]
    with pytest.raises(ReportError, match=r"required field `rationale`.*\$\.clusters\[0\]\.annotation`"):
        _codec.from_json(json.dumps(plain))


@pytest.mark.parametrize(
    "text", ["", "{", "not json", "[" * 100_000, None, "\x00", '{"a": NaN}', "[1e999]", "-Infinity"]
)
def test_what_is_not_json_says_so(text):
    """A truncated or foreign file is a ReportError, not a traceback of the JSON reader."""
    with pytest.raises(ReportError, match="is not JSON"):
        _codec.from_json(text)


@pytest.mark.parametrize("text", ["[]", "{}", "3", "null", '{"schema_version": 1}'])
def test_foreign_json_says_that_it_is_not_a_report(text):
    """JSON of another program is not mistaken for a report."""
    with pytest.raises(ReportError, match="no schema_version"):
        _codec.from_json(text)


def test_versions(plain):
    """A later minor version is read, its new fields passed over; another major version is refused and named."""
    expected = _codec.from_json(json.dumps(plain))
    later = {**plain, "schema_version": "1.7", "new_field": [1]}
    assert evolve(_codec.from_json(json.dumps(later)), schema_version=expected.schema_version) == expected
    with pytest.raises(ReportError, match=r"schema version 2\.0, this package reads 1\."):
        _codec.from_json(json.dumps({**plain, "schema_version": "2.0"}))


def test_a_report_never_holds_a_number_that_json_lacks(plain):
    """NaN would make a file that other readers refuse, so it is not written."""
    report = _codec.from_json(json.dumps(plain))
    broken = evolve(report, telemetry=model.Telemetry(seconds={"genes": float("nan")}))
    with pytest.raises(ValueError, match=r"JSON compliant|not JSON"):
        _codec.to_json(broken)
