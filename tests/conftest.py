"""Tests side by side (``pytest -n 2``): each process has one thread, or torch's threads stand in each other's way."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
