"""An exported model without torch: numpy, Pillow, pycocotools and onnxruntime or OpenVINO.

Begin at ``predictor``; ``model_file`` opens a file, ``schema`` says what it must tell of itself.
"""
