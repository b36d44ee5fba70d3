"""A local page to look at the masks of a file one by one, accept or reject them, and write the file anew.

Begin at ``serve`` (the page) or ``finish`` (the file that is written); ``decisions`` is what lies on the disk
meanwhile, ``objects`` what there is to look at, ``queue`` in which order, ``view`` what is shown of one object, ``app``
the addresses, ``guard`` who may ask them. No torch anywhere.
"""
