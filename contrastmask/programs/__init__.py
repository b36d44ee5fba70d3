"""The programs that people start: typed settings, what is built of them, one run in one folder.

Begin at ``train``; ``build`` is the one room that knows both settings and classes, ``config`` has the types.
"""
