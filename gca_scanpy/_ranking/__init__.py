"""From a matrix to ranked, present and absent genes. Only ``read`` and ``stored`` see AnnData; the rest is pure."""
