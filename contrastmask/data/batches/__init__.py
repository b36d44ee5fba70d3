"""From checked records to batches of lists, for training and evaluation.

Begin at ``dataset``; ``datamodule`` puts the parts together for Lightning.
"""
