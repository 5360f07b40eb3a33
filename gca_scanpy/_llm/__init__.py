"""Language models: their protocol, the questions sent to them, and the cache of their answers.

No module here imports anndata, so expression values cannot leave the machine.
"""
