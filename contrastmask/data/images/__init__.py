"""Image files: found however their names are written, read as 8-bit RGB of the size that the annotations say.

Begin at ``read``; ``files`` does the same up to the pixels, without torch.
"""
