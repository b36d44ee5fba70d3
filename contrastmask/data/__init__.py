"""COCO-format data with per-instance supervision."""
