"""COCO-format data with per-instance supervision: files, checked records, split, samples, batches.

Begin at ``annotations``; ``datamodule`` puts the parts together.
"""
