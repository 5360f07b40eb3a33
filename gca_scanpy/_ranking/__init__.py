"""From a matrix, or a user's markers, to the genes of each cluster. Only ``read`` and ``scanpys`` see AnnData."""
