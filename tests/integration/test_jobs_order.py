"""A message goes out after the commit that made it necessary: whoever takes it at once finds what it is about."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from bulkdl.broker import TRANSFER_RANGE
from bulkdl.database import Database
from bulkdl.jobs.status import JobStatus
from bulkdl.jobs.submit import SubmitRequest, submit
from tests.factories import PROJECT
from tests.jobs_world import PART, World, some_bytes


class Eager:
    """A queue whose worker has done the work before the sender goes on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.carried_out: list[str] = []

    def enqueue(self, message: Any, *, delay: int | None = None) -> Any:
        self.carried_out.append(message.actor_name)
        self._world.carry_out(self._world.context(broker=self), message.actor_name, *message.args)
        return message


@pytest.mark.parametrize(("sizes", "steps"), [([10, 20], set()), ([PART] * 6, {TRANSFER_RANGE})])
def test_work_that_is_taken_up_at_once_is_there_to_be_done(
    database: Database, redis_client: redis.Redis, sizes: list[int], steps: set[str]
) -> None:
    world = World(database, redis_client, range_size=2 * PART)
    assets = world.add_files({f"{n}.jpg": some_bytes(size, str(n)) for n, size in enumerate(sizes)})
    queue = Eager(world)
    request = SubmitRequest(project_id=PROJECT, asset_ids=[asset.id for asset in assets])

    submitted = submit(world.context(broker=queue), world.ann, request)

    assert world.job(submitted.job.job_id).status is JobStatus.COMPLETE
    assert steps <= set(queue.carried_out)
