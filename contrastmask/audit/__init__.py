"""The masks of a file beside a model's, and which of the file's are likeliest wrong.

Begin at ``audit``; ``measures`` is what is measured, ``signs`` what speaks against a mask.
"""
