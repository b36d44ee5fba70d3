"""Annotations in the files of the tools that people go on with: Label Studio, YOLO, CVAT, FiftyOne.

Begin at ``export``; one file a tool, ``source`` reads what is handed over.
"""
