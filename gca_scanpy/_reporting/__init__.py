"""What is written down: the report, its tables and documents, curators' decisions, colors. Pure: no files."""
