"""Which file system a build works on: that of the disk, or one that asks file servers how things stand, where any are mounted."""

from __future__ import annotations

import os
from io import FileIO

from paperbuild.engine.filesystem import DiskFileSystem


def disk() -> DiskFileSystem:
    """Return the file system of this machine: one that asks servers how things stand, where any are mounted."""
    try:
        handle = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return DiskFileSystem()
    with FileIO(handle) as file:
        mounts = file.read()
    if not any(kind in mounts for kind in (b" - nfs", b" - cifs ", b" - smb3 ")):
        return DiskFileSystem()
    from paperbuild.engine.network_disks import NetworkFileSystem, mount_points

    return NetworkFileSystem(mount_points(os.fsdecode(mounts)))
