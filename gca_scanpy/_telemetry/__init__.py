"""What the outside sees of a run: its log events, and Prometheus metrics where they are asked for."""
