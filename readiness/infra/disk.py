"""The disk that the console's data is on."""

import shutil

from django.conf import settings


def disk_read() -> tuple[int, int] | None:
    """(free, size) in bytes of the disk that READINESS_HOME is on; None where it cannot be asked."""
    try:
        usage = shutil.disk_usage(settings.READINESS_HOME)
    except OSError:
        return None
    return usage.free, usage.total
