"""Run commands in a virtual machine with an arm64 processor: ``make test-arm64``. Optional, and no part of the tests.

    python tests/machines/guest.py [COMMAND]

The machine is Debian's, with its kernel, Python and compiler, and what paperbuild needs from the package index. It is put together once,
from packages that are unpacked and not installed, so nothing of it runs before it starts; it is kept in ``.cache/machines``, and each run
begins with it as it was. The processor is emulated: all takes about twenty times as long. There is no network in it.

Needed: Linux, root (files of the image belong to it), and the programs that :data:`PROGRAMS` names with their packages.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

TOP = Path(__file__).parents[2]
KEPT = TOP / ".cache/machines/arm64"
PROGRAMS = {
    "debootstrap": "debootstrap", "qemu-system-aarch64": "qemu-system-arm", "mke2fs": "e2fsprogs", "depmod": "kmod", "cpio": "cpio",
    "dpkg-deb": "dpkg", "gpgv": "gpgv", "nice": "coreutils",
}  # fmt: skip
SUITE, PYTHON = "bookworm", "3.11"
PACKAGES = (
    "linux-image-arm64", "busybox-static", "kmod", "mount", "util-linux", "procps", "iproute2", "python3", "gcc", "libc6-dev",
    "git", "nfs-kernel-server", "nfs-common", "rpcbind", "e2fsprogs",
)  # fmt: skip
WHEELS = ("pytest", "hypothesis", "h5py", "pyarrow")
"""What the tests need besides the project's own dependencies."""
DRIVERS = ("virtio_pci", "virtio_blk", "ext4", "crc32c_generic")
"""Modules of the kernel that are needed to reach the disk."""
PYTEST = "python -m pytest -q -p no:cacheprovider"
DEFAULT = f"{PYTEST} tests/unit/test_call_tables.py tests/integration/test_tracing.py tests/engine/test_strict.py"
MOST_S = 5400

_START = """#!/bin/busybox sh
# The first process: reach the disk, and go there.
/bin/busybox mount -t devtmpfs dev /dev
for module in /*.ko; do /bin/busybox insmod $module; done
n=0; while [ ! -b /dev/vda ] && [ $n -lt 100 ]; do /bin/busybox sleep 0.1; n=$((n+1)); done
/bin/busybox mount -t ext4 /dev/vda /root && /bin/busybox mount --move /dev /root/dev && exec /bin/busybox switch_root /root /guest
/bin/busybox poweroff -f
"""
_GUEST = """#!/bin/sh
# What the machine is there for: take the order, carry it out, leave its status, and go.
export PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb
mount -t proc proc /proc; mount -t sysfs sys /sys; mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts; mount -t tmpfs shm /dev/shm; mount -t tmpfs run /run
ip link set lo up
modprobe 9pnet_virtio && modprobe 9p && mount -t 9p -o trans=virtio,version=9p2000.L order /mnt
mkdir /src && cd /src && tar -xf /mnt/sources.tar && python -m compileall -q paperbuild
setsid bash /mnt/run </dev/null 2>&1
echo $? > /mnt/status
sync; busybox poweroff -f
"""
_ACCOUNTS = {
    "passwd": "root:x:0:0:root:/root:/bin/bash\nsomebody:x:1000:1000::/tmp:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n"
    "_rpc:x:101:65534::/run:/bin/false\nstatd:x:102:65534::/var/lib/nfs:/bin/false\n",
    "group": "root:x:0:\nsomebody:x:1000:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost guest\n",
    "hostname": "guest\n",
}


def main(words: Sequence[str]) -> int:
    """Run ``words`` in the machine; return their exit status."""
    missing = sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None})
    if missing:
        sys.exit(f"first: apt-get install --no-install-recommends {' '.join(missing)}")
    if os.geteuid() != 0:
        sys.exit("run this as root: files of the image belong to it")
    disk = _image()
    with tempfile.TemporaryDirectory(prefix="paperbuild-guest-") as folder:
        return _run(disk, Path(folder), shlex.join(words) if len(words) != 1 else words[0])


def _image() -> Path:
    """Return the image of the disk, which is made where there is none, or one by another recipe."""
    sources = (Path(__file__).read_bytes(), (TOP / "constraints.txt").read_bytes(), json.dumps(_wheels()).encode())
    recipe = hashlib.sha256(b"".join(sources)).hexdigest()
    disk, mark = KEPT / "disk", KEPT / "recipe"
    if mark.exists() and mark.read_text() == recipe:
        return disk
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True)
    root = KEPT / "root"
    sys.stderr.write("putting the machine together; this is done once\n")
    _unpack(root)
    _settle(root)
    _install(root / "opt/venv")
    _first_files(root)
    _call("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d", root, disk, "6G")
    shutil.rmtree(root)
    mark.write_text(recipe)
    return disk


def _wheels() -> list[str]:
    return [*tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["dependencies"], *WHEELS]


def _unpack(root: Path) -> None:
    """Lay the files of Debian's packages into ``root``."""
    mirror = (os.environ["DEBIAN_MIRROR"],) if "DEBIAN_MIRROR" in os.environ else ()
    words = ("debootstrap", "--foreign", "--arch=arm64", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, root, *mirror)
    with open(KEPT / "log", "wb") as log:
        subprocess.run(words, stdout=log, check=True)
    archives = root / "var/cache/apt/archives"
    for package in sorted(archives.glob("*.deb")):
        with subprocess.Popen(("dpkg-deb", "--fsys-tarfile", package), stdout=subprocess.PIPE) as files:
            _call("tar", "-x", "--keep-directory-symlink", "-C", root, stdin=files.stdout)
    for folder in (archives, root / "debootstrap", root / "var/lib/apt/lists"):
        shutil.rmtree(folder)


def _settle(root: Path) -> None:
    """Do what the packages' scripts would have done, as far as it is needed."""
    if (root / "proc").is_symlink():
        (root / "proc").unlink()
    for name in ("proc", "etc", "mnt", "run"):
        (root / name).mkdir(exist_ok=True)
    for name, text in _ACCOUNTS.items():
        (root / "etc" / name).write_text(text)
    (root / "guest").write_text(_GUEST)
    (root / "guest").chmod(0o755)
    _call("depmod", "-b", root, _kernel(root).name)


def _kernel(root: Path) -> Path:
    (modules,) = (root / "lib/modules").iterdir()
    return modules


def _install(venv: Path) -> None:
    """Make a virtual environment for a machine that does not run yet."""
    packages = venv / f"lib/python{PYTHON}/site-packages"
    platforms = (f"--platform=manylinux{glibc}_aarch64" for glibc in ("2014", "_2_28"))
    words = (sys.executable, "-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--target", packages, "--only-binary=:all:")
    _call(*words, *platforms, f"--python-version={PYTHON}", "--implementation=cp", "-c", TOP / "constraints.txt", *_wheels())
    (venv / "bin").mkdir()
    for name in ("python", "python3"):
        (venv / "bin" / name).symlink_to("/usr/bin/python3")
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    (packages / "paperbuild.pth").write_text("/src\n")
    (venv / "bin/paperbuild").write_text("#!/opt/venv/bin/python\nimport sys\nfrom paperbuild.cli.main import entry\nsys.exit(entry())\n")
    (venv / "bin/paperbuild").chmod(0o755)


def _first_files(root: Path) -> None:
    """Make the first file system, which only finds the disk, and copy the kernel."""
    modules, first = _kernel(root), KEPT / "first"
    needs = {line.partition(":")[0]: line.partition(":")[2].split() for line in (modules / "modules.dep").read_text().splitlines()}
    order: dict[str, None] = {}

    def add(path: str) -> None:
        for other in reversed(needs[path]):
            add(other)
        order[path] = None

    for path in [path for driver in DRIVERS for path in needs if Path(path).name.partition(".")[0] == driver]:
        add(path)
    for name in ("bin", "dev", "root"):
        (first / name).mkdir(parents=True)
    for n, path in enumerate(order):
        shutil.copy(modules / path, first / f"{n:02}-{Path(path).name}")
    shutil.copy(root / "usr/bin/busybox", first / "bin")
    (first / "init").write_text(_START)
    (first / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(first)) for path in sorted(first.rglob("*")))
    with open(KEPT / "initrd", "wb") as initrd:
        subprocess.run(("cpio", "-o", "-H", "newc", "--quiet"), cwd=first, input=names.encode(), stdout=initrd, check=True)
    (kernel,) = (root / "boot").glob("vmlinuz-*")
    shutil.copy(kernel, KEPT / "kernel")


def _run(disk: Path, order: Path, line: str) -> int:
    """Start the machine, have it run ``line`` among the project's sources, and return the exit status."""
    listed = subprocess.run(("git", "ls-files", "-z"), cwd=TOP, stdout=subprocess.PIPE, check=True, text=True).stdout
    with tarfile.open(order / "sources.tar", "w") as sources:
        for name in filter(None, listed.split("\0")):
            if (TOP / name).exists():
                sources.add(TOP / name, name)
    (order / "run").write_text(f"cd /src\n{line}\n")
    machine = ["-M", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", "3G"]
    machine += ["-nic", "none", "-no-reboot", "-display", "none", "-monitor", "none"]
    start = ("-kernel", KEPT / "kernel", "-initrd", KEPT / "initrd", "-append", "console=ttyAMA0 quiet panic=-1")
    drive = ("-drive", f"file={disk},format=raw,if=none,id=disk,snapshot=on", "-device", "virtio-blk-pci,drive=disk")
    shared = ("-virtfs", f"local,path={order},mount_tag=order,security_model=none")
    words: tuple[str | Path, ...] = ("nice", "-n", "19", "qemu-system-aarch64", *machine, *start, *drive, *shared, "-serial", "stdio")
    try:
        subprocess.run(words, stdin=subprocess.DEVNULL, check=True, timeout=MOST_S)
    except subprocess.TimeoutExpired:
        sys.stderr.write(f"not over after {MOST_S} s, and ended\n")
        return 124
    status = order / "status"
    return int(status.read_text()) if status.exists() else 125


def _call(*words: str | Path, **options: object) -> None:
    subprocess.run(words, check=True, **options)  # type: ignore[call-overload]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or [DEFAULT]))
