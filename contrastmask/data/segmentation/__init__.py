"""The masks of a data set: checked before any C code sees them, in flat arrays, measured without being drawn.

Begin at ``check``; ``table`` holds them.
"""
