"""Whether a label stands against the evidence, whoever proposed it. Pure; the scorer is below, reports are above."""
