"""The pure core: no files, network, clock, randomness or AnnData."""
