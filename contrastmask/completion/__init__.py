"""Masks for the annotations that have none, written into a copy of their file.

Begin at ``complete``; ``completed_file`` is what is written, ``options`` what can be asked of it.
"""
