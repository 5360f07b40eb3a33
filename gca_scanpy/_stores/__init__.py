"""Files of cells: h5ad, zarr, loom, 10x, read and written whole, or left on disk."""
