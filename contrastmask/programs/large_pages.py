"""Large pages of memory for programs that only compute forwards: a tenth less time on a CPU, no more memory.

Each layer's result is memory that the system has to hand over, 4 KiB at a time unless it is asked for 2 MiB. Training
is left alone: there it was no gain at full size. ``benchmarks.network`` and ``benchmarks.whole_completion`` measure it.
"""

from __future__ import annotations

import os

ASKED = "THP_MEM_ALLOC_ENABLE"  # PyTorch's own word, read with its first tensor


def ask_for_large_pages() -> None:
    """Have PyTorch ask Linux for large pages, unless the environment says whether to; before torch is imported."""
    os.environ.setdefault(ASKED, "1")
