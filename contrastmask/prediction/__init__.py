"""Images in, boxes and masks out; ``Predictor`` needs neither Lightning nor Hydra.

Begin at ``predictor``; ``detection`` is the program over many images, ``image_sources`` finds them.
"""
