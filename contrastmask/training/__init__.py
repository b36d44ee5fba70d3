"""Lightning's side of a run: steps, optimiser, logging, callbacks, talking between processes.

Begin at ``module``.
"""
