"""Names of genes, species, Cell Ontology terms, lineages, tissues, and labels. Pure: no files, no clock."""
