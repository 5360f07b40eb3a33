"""Every name in ``.obs``, ``.uns`` and ``.obsm`` that is written or read, once."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

DEFAULT_KEY = "gptca"
CONSENSUS_KEY = "consensus"
MIN_AGREEMENT = 0.6  # of a consensus; measured by scripts/measure_consensus.py, docs/consensus.md has the figures
UNKNOWN_LABEL = "Unknown or Novel"
MAX_KEY = 200  # bytes; the file systems on which zarr makes a folder of each column allow 255
NOT_IN_KEYS = ("/", "\\", "\0")  # the first two separate groups, "\\" on Windows; NUL is replaced or refused

# Entries of .uns[key_added]; all values are strings, so that every anndata can write and read them.
UNS_REPORT = "report"
UNS_SCHEMA_VERSION = "schema_version"
UNS_PARAMETERS = "parameters"
UNS_PROVENANCE = "provenance"
UNS_TELEMETRY = "telemetry"

# Names of the embeddings in .obsm; of those that an object has, the first is shown.
EMBEDDINGS = {
    "X_umap": "UMAP",
    "X_tsne": "t-SNE",
    "X_draw_graph_fa": "ForceAtlas2",
    "X_phate": "PHATE",
    "X_pca": "PCA",
    "spatial": "Space",
    "X_spatial": "Space",
}


PAIR = " | "  # between the sample and the cluster in the id of a cluster of one sample


def pair_id(sample: str, cluster: str) -> str:
    """The id of a cluster of one sample, such as ``A | 0``; no two pairs have the same."""
    return PAIR.join(part.replace("\\", r"\\").replace("|", r"\|") for part in (sample, cluster))


def read_pair(pair: str) -> tuple[str, str]:
    """The sample and the cluster that :func:`pair_id` has put together."""
    sample, _, cluster = pair.partition(PAIR)
    return re.sub(r"(?s)\\(.)", r"\1", sample), re.sub(r"(?s)\\(.)", r"\1", cluster)


def is_key(value: Any) -> bool:
    """Whether every kind of file can contain this name."""
    if not isinstance(value, str) or value.strip() in ("", "zarr.json") or value.startswith("."):
        return False
    if any(mark in value for mark in NOT_IN_KEYS):
        return False
    try:
        return len(value.encode()) <= MAX_KEY
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def colors_of(column: str) -> str:
    """The entry of ``.uns`` with one color per category of a column, under the name that Scanpy uses."""
    return f"{column}_colors"


class ObsKeys(NamedTuple):
    """The ``.obs`` columns of one ``key_added``; no attrs class, because importing Scanpy should not import attrs."""

    prefix: str = DEFAULT_KEY

    @property
    def label(self) -> str:
        """The label after the guardrails."""
        return f"{self.prefix}_label"

    @property
    def short_label(self) -> str:
        """The short name of the label's type, for legends."""
        return f"{self.prefix}_short_label"

    @property
    def proposed_label(self) -> str:
        """The label before the guardrails."""
        return f"{self.prefix}_proposed_label"

    @property
    def fine_label(self) -> str:
        """The finest guess, however uncertain."""
        return f"{self.prefix}_fine_label"

    @property
    def fine_probability(self) -> str:
        """The probability of the finest guess, a float from 0 to 1."""
        return f"{self.prefix}_fine_probability"

    @property
    def broad_label(self) -> str:
        """One of about 50 broad Cell Ontology terms."""
        return f"{self.prefix}_broad_label"

    @property
    def ontology_id(self) -> str:
        """The Cell Ontology id of the label."""
        return f"{self.prefix}_ontology_id"

    @property
    def status(self) -> str:
        """``supported``, ``flagged`` or ``unknown``."""
        return f"{self.prefix}_status"

    @property
    def confidence(self) -> str:
        """``Low`` < ``Medium`` < ``High``."""
        return f"{self.prefix}_confidence"

    @property
    def confidence_score(self) -> str:
        """A float from 0 to 1."""
        return f"{self.prefix}_confidence_score"

    @property
    def agreement(self) -> str:
        """The agreement of the votes on the label, a float from 0 to 1; only a consensus has it."""
        return f"{self.prefix}_agreement"

    @property
    def curated_label(self) -> str:
        """The label that a curator decided on, missing if there is no decision."""
        return f"{self.prefix}_curated_label"

    @property
    def curated_ontology_id(self) -> str:
        """The Cell Ontology id of the curated label, missing if it has none."""
        return f"{self.prefix}_curated_ontology_id"

    def colored(self) -> tuple[str, ...]:
        """The columns of labels, which have the colors of their types."""
        return (self.label, self.short_label, self.proposed_label, self.broad_label, self.fine_label)

    def with_colors(self) -> tuple[str, ...]:
        """All columns whose colors are in ``.uns``."""
        return (*self.colored(), self.status, self.confidence)

    def all(self) -> tuple[str, ...]:
        """All columns of a run, in the order in which they are written; those of a curator are not among them."""
        return (
            self.label,
            self.short_label,
            self.proposed_label,
            self.broad_label,
            self.fine_label,
            self.fine_probability,
            self.ontology_id,
            self.status,
            self.confidence,
            self.confidence_score,
        )
