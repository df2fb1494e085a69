"""No orphans: a process that asks the kernel to be killed when its parent dies, however the parent dies."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
# Loaded here and not in the child: between fork and exec only the one call below may happen.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

# Set in the environment of everything that the supervisor starts.
SUPERVISED = "READINESS_SUPERVISED"


def die_with_parent(parent: int | None = None) -> None:
    """From now on SIGKILL of the parent means SIGKILL here. `parent` is its pid, when the caller knows it: it may have
    died before this call, and then nobody is left to wait for. Does nothing but on Linux.
    """
    if _LIBC is None:
        return
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def die_with_supervisor() -> None:
    """What a server's own child (web worker, pool child) calls; nothing happens outside the supervisor's tree."""
    if os.environ.get(SUPERVISED):
        die_with_parent()
