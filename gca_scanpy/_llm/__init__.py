"""Language models: the protocol they speak, the questions put to them, and the cache of their answers.

Nothing here imports anndata, so expression values cannot leave the machine.
"""
