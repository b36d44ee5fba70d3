"""A trained model as files for other runtimes: ONNX and OpenVINO.

Begin at ``write``; ``graphs`` has what is traced, ``contrastmask.runtime`` reads it back.
"""
