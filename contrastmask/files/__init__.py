"""Files and folders written so that a kill or a full disk loses nothing.

Begin at ``whole_file``; ``whole_folder`` is the same for folders, ``journal`` for work that takes hours.
"""
