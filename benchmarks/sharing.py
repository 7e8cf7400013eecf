"""Results from a shared store beside a plain copy with the same client library through the same server: moto's S3 server on loopback.

usage: python benchmarks/run.py [runs] sharing

Asked for are 1,000 small results, look-ups included, in at most 5 s; one of 1 GB at 70 % of a plain copy's speed or more; and no more
memory for a large result than for a small one. Times are those of the transfer alone, which each process takes itself; memory is that of
the process.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from timing import ENVIRONMENT, TOP

sys.path.insert(0, str(TOP))

SMALL = 1000
LARGE = 1_000_000_000
KEY = "ed25519-private:" + "A" * 43
_BLOCK = 1 << 20


def _clone(folder: Path, address: str):
    from tests.sharing.clones import Clone

    return Clone(folder, address, key=KEY)


def publish(folder: str, address: str, what: str) -> None:
    """Publish ``what``, and lay the same contents beside it for plain copies."""
    import obstore
    from obstore.store import S3Store

    from paperbuild.sharing.exchange import push

    mine = _clone(Path(folder), f"{address}/{what}")
    plain = S3Store(address.removeprefix("s3://"), client_options={"allow_http": True, "timeout": "1hour"})
    if what == "small":
        records = [mine.made(f"cell-{n}", f"result {n} ".encode() * 200) for n in range(SMALL)]
        for n, record in enumerate(records):
            obstore.put(plain, f"plain/small/{n}", mine.store.blobs.read(record.artifacts[0].digest))
    else:
        source = Path(folder) / "large"
        with source.open("wb") as file:
            for n in range(LARGE // _BLOCK):
                file.write(hashlib.shake_128(n.to_bytes(8, "big")).digest(_BLOCK))
        records = [mine.made("large", digest=mine.store.blobs.put_file(str(source)))]
        obstore.put(plain, "plain/large", source, chunk_size=64 << 20, max_concurrency=2)
    assert push(mine.shared, records).sent == len(records)
    mine.shared.close()


def take(folder: str, address: str, what: str) -> float:
    """Pull ``what`` as ``cache pull`` does; return the seconds that it took."""
    from tests.sharing.clones import key_of

    mine = _clone(Path(folder), f"{address}/{what}")
    keys = [key_of(f"cell-{n}") for n in range(SMALL)] if what == "small" else [key_of("large")]
    begin = time.perf_counter()
    assert mine.pulled(keys) == (len(keys), frozenset())
    return time.perf_counter() - begin


def copy(folder: str, address: str, what: str) -> float:
    """Copy what ``take`` fetches, and nothing besides; return the seconds that it took."""
    import obstore
    from obstore.store import S3Store

    plain = S3Store(address.removeprefix("s3://"), client_options={"allow_http": True, "timeout": "1hour"})
    names = [f"plain/small/{n}" for n in range(SMALL)] if what == "small" else ["plain/large"]

    def one(name: str) -> None:
        with (Path(folder) / name.replace("/", "-")).open("wb", buffering=0) as file:
            for chunk in obstore.get(plain, name).stream():
                file.write(chunk)

    os.mkdir(folder)
    begin = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(one, names))
    return time.perf_counter() - begin


MODES: dict[str, Callable[[str, str, str], float | None]] = {"publish": publish, "take": take, "copy": copy}


def _run(environment: dict[str, str], mode: str, folder: Path, address: str, what: str) -> tuple[float, float]:
    """Do ``mode`` in a process of its own; return its seconds, and the MiB that it took at most."""
    command = [sys.executable, str(Path(__file__)), mode, str(folder), address, what]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    seconds, memory = json.loads(done.stdout)
    subprocess.run(["rm", "-rf", folder], check=True)
    return seconds, memory


def measure_sharing(folder: Path, runs: int) -> None:
    """1,000 small results, and one of 1 GB, beside plain copies."""
    from tests.sharing.servers import ACCESS, REGION, s3_server

    with s3_server() as server:
        environment = ENVIRONMENT | ACCESS | {"AWS_ENDPOINT_URL": server.endpoint, "AWS_REGION": REGION}
        environment = {name: value for name, value in environment.items() if name != "AWS_CA_BUNDLE"}
        address = f"s3://{server.new_bucket()}"
        for what, title in (("small", f"{SMALL:,} small results"), ("large", f"one result of {LARGE / 1e9:g} GB")):
            _run(environment, "publish", folder / "publisher", address, what)
            found: dict[str, list[tuple[float, float]]] = {"copy": [], "take": []}
            for turn in range(runs + 1):
                for mode, figures in found.items():
                    figure = _run(environment, mode, folder / f"{what}-{mode}-{turn}", address, what)
                    if turn:
                        figures.append(figure)
            _tell(title, found)


def _tell(title: str, found: dict[str, list[tuple[float, float]]]) -> None:
    print(f"\nPull of {title}\n{'':44s} {'wall s':>8s} {'MiB':>8s} {'speed':>7s}")
    plain = _median([seconds for seconds, _ in found["copy"]])
    for mode, name in (("copy", "obstore, plain copy"), ("take", "paperbuild, looked up, checked, kept")):
        seconds, memory = (_median(column) for column in zip(*found[mode], strict=True))
        print(f"{name:44s} {seconds:8.3f} {memory:8.0f} {plain / seconds:6.0%}")


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


if __name__ == "__main__":
    import resource

    took = MODES[sys.argv[1]](*sys.argv[2:5])
    print(json.dumps([took or 0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
