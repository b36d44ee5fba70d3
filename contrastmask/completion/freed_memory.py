"""What the crop branch frees stays with the process, to be used by the next crops.

The C library gives large pieces back to the system and takes them again a moment later: every page of them is then
cleared and entered anew, a seventh of the time of a crop. Results do not depend on it.
"""

from __future__ import annotations

import ctypes
import os

# of glibc's malloc.h, and MB: pieces from so much on are the system's own (its greatest), so much may lie free at the
# end of a heap, and by so much a heap grows
SETTINGS = {"M_MMAP_THRESHOLD": (-3, 32), "M_TRIM_THRESHOLD": (-1, 128), "M_TOP_PAD": (-2, 64)}
CHOSEN = ("MALLOC_", "GLIBC_TUNABLES")  # variables by which somebody has chosen for himself


def keep_freed_memory() -> bool:
    """Tell the C library of this process to keep some of what is freed; whether it did.

    It does not where there is none of this kind (glibc), and is not asked where a variable of the environment has its
    settings.
    """
    if any(name.startswith(CHOSEN) for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    taken = [mallopt(number, size << 20) == 1 for number, size in SETTINGS.values()]
    return all(taken)
