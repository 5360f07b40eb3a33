"""Names of genes, Cell Ontology terms, lineages, tissues, and labels. Pure: no files, no clock."""
