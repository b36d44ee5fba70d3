"""The detector: tensors in, tensors out; torch and torchvision only.

Begin at ``detector``; ``roi_heads`` is where box, contrastive and mask heads meet.
"""
