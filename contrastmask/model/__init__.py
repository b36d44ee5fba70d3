"""The detector: tensors in, tensors out; torch and torchvision only."""
