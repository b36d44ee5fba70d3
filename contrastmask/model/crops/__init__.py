"""The crop branch: an object's mask from the image's own pixels around its box.

Begin at ``segmenter``; ``windows`` cuts objects out, ``network`` says which of their pixels are the object.
"""
