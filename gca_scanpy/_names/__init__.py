"""What things are called: genes, Cell Ontology terms and their lineages, tissues, labels. Pure: no files, no clock."""
