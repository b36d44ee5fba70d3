"""From an annotation file to checked records: ids, boxes, classes, masks, and what is doubtful about them.

Begin at ``load``; ``sieve`` is how rows are dropped and counted, ``cache`` keeps what was read.
"""
