"""Pure functions of tensors: every loss of the method.

Begin at ``contrastive``; ``pixel_sets`` chooses the pixels it compares.
"""
