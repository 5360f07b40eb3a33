"""From a matrix to ranked, present and absent genes. ``read`` is the one door to AnnData; the rest is arithmetic."""
