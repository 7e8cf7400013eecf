"""The executors that a manifest declares, made for a workshop: only where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec.structs

from paperbuild.clusters.router import Router
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.cluster import OUTPOST
from paperbuild.engine.digest import file_digest
from paperbuild.engine.workshop import Workshop
from paperbuild.errors import BuildError
from paperbuild.paper.declarations import ExecutorSpec

if TYPE_CHECKING:
    from paperbuild.engine.cluster import Cluster
    from paperbuild.sharing.late import LateStore


def with_executors(workshop: Workshop, specs: Sequence[ExecutorSpec], remote: LateStore | None) -> Workshop:
    """Return ``workshop`` with an executor that sends jobs to what ``specs`` declare, too; files travel by ``remote`` where they must."""
    router = Router(workshop.executor, {spec.name: partial(_made, spec, workshop, remote) for spec in specs})
    carried = frozenset(spec.name for spec in specs if spec.files == "store")
    return msgspec.structs.replace(workshop, executor=router, most={spec.name: spec.most for spec in specs}, carried=carried)


def _made(spec: ExecutorSpec, workshop: Workshop, remote: LateStore | None) -> Cluster:
    """Return the cluster of ``spec``.

    Raises:
        BuildError: files are to travel by a shared store, and there is none that can be written to.
    """
    if spec.files == "shared":
        return _cluster(spec, OUTPOST)
    from paperbuild.cli.carried import PROGRAM
    from paperbuild.clusters.carrying import Address, Carrying
    from paperbuild.clusters.packing import Packer
    from paperbuild.sharing.loose import LooseStore

    if remote is None or remote.terms.place.is_read_only:
        have = "there is none" if remote is None else f"{remote.terms.place.address} can only be read"
        mend = ('[store] remote = "s3://bucket/prefix", or another one that both ends reach', 'or share a file system: files = "shared"')
        raise BuildError(Diagnostic("PB741", f"files of the executor {spec.name} travel by the shared store, and {have}", help=mend))
    place, namespace = remote.terms.place, remote.terms.namespace
    address = Address(place.address, place.endpoint, place.region, namespace)
    packer = Packer(workshop.site.root, file_digest, workshop.clock)
    return Carrying(_cluster(spec, PROGRAM), partial(LooseStore, place, namespace, workshop.site.state), address, packer)


def _cluster(spec: ExecutorSpec, program: Sequence[str]) -> Cluster:
    if spec.kind == "dask":
        from paperbuild.clusters.dask import DaskCluster
        from paperbuild.clusters.dask_making import Lab

        return DaskCluster(Lab(spec.name, spec.scheduler, spec.cluster, msgspec.json.decode(spec.arguments)), program)
    from paperbuild.clusters.slurm import Slurm, SlurmSettings

    return Slurm(SlurmSettings(spec.name, spec.partition, spec.account, spec.qos, spec.options, spec.python), program)
