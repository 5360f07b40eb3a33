"""``python -m gca_scanpy`` is the same program as ``gca``."""

from gca_scanpy._cli.main import main

if __name__ == "__main__":
    main(prog_name="python -m gca_scanpy")
