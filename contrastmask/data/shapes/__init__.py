"""The embedded data set: scenes of drawn objects, written once as COCO-format files.

Begin at ``generate``; ``files`` writes, ``scenes`` draws, ``classes`` and ``textures`` hold the looks.
"""
