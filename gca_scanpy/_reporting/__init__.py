"""Results: the report, its tables and documents, curators' decisions, comparisons, colors. Pure: it opens no file."""
