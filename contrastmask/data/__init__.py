"""COCO-format data with per-instance supervision: files, checked records, split, samples, batches.

Begin at ``subsets``; ``annotations``, ``segmentation`` and ``images`` make ``records``, ``batches`` are made of them.
"""
