"""Names of cell types: from any lab's label to a Cell Ontology term, and back to a short name."""

from gca_scanpy._names.resolver import Reading
from gca_scanpy.names._terms import find, map, short

__all__ = ["Reading", "find", "map", "short"]
