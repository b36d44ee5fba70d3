"""One COCO evaluation, sliced into novel, base, all and classes; masks in given boxes.

Begin at ``slices``; ``tables`` shows what it finds.
"""
