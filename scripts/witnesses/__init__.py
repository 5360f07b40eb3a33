"""What public lists and expression profiles state about the facts of the marker database."""
