"""The offline scorer: marker database, index, weights, scores and confidence. Pure: no files, no AnnData, no checks."""
