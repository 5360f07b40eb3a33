"""From a matrix, or a table of markers, to the genes of each cluster. Only ``read`` and ``stored`` see AnnData."""
