"""One HTML file about runs, made from what they left in their folders.

Begin at ``write``; ``runs`` reads the folders, ``page`` lays them out. Program: ``python -m contrastmask.report``.
"""
