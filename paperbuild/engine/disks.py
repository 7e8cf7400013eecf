"""Which file system a build works on: that of the disk, or one that asks file servers how things stand, where any are mounted."""

from __future__ import annotations

from paperbuild.engine.filesystem import DiskFileSystem
from paperbuild.engine.mounts import mount_table


def disk() -> DiskFileSystem:
    """Return the file system of this machine: one that asks servers how things stand, where any are mounted."""
    table = mount_table()
    if not any(kind in table for kind in (" - nfs", " - cifs ", " - smb3 ")):
        return DiskFileSystem()
    from paperbuild.engine.network_disks import NetworkFileSystem, mount_points

    return NetworkFileSystem(mount_points(table))
