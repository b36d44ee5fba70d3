"""Files of weights: reading them safely, MMDetection's layout and ours, starting a training from their parts.

Begin at ``read``; ``python -m contrastmask.checkpoints`` converts (``convert``).
"""
