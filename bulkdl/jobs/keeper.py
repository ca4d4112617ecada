"""Keeping a lease while its work is done, in a thread beside it: renewed in time, checked twice a second."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from bulkdl.errors import LeaseLost, ServiceUnavailable, WorkerStopping
from bulkdl.jobs.context import JobContext
from bulkdl.jobs.store import leases
from bulkdl.jobs.store.leases import Claim
from bulkdl.logs import get_logger

log = get_logger(__name__)

CHECK_EVERY_S = 0.5


class LeaseKeeper:
    """Renews one claim and knows whether it is still good."""

    def __init__(self, ctx: JobContext, claim: Claim) -> None:
        self._ctx = ctx
        self.claim = claim
        self._lost = threading.Event()
        self._done = threading.Event()
        self._good_until = time.monotonic() + ctx.settings.lease_s

    def check(self) -> None:
        """Raise `LeaseLost` when the work is no longer ours, `WorkerStopping` when the process is to end."""
        if self._lost.is_set() or time.monotonic() > self._good_until:
            raise LeaseLost("another worker holds this work, or the job has ended")
        if self._ctx.stopping.is_set():
            raise WorkerStopping("the worker is being stopped")

    def run(self) -> None:
        """Renew until the work is done or lost."""
        renewed_at = time.monotonic()
        while not self._done.wait(CHECK_EVERY_S) and not self._lost.is_set():
            began = time.monotonic()
            is_due = began - renewed_at >= self._ctx.settings.lease_s / 4
            try:
                is_good = self._renew() if is_due else self._is_held()
            except ServiceUnavailable as exc:
                # Until the deadline nobody else can have taken it: try again.
                log.warning("lease not renewed", job_id=self.claim.job_id, error=str(exc))
                continue
            if not is_good:
                self._lost.set()
            elif is_due:
                renewed_at = began
                self._good_until = began + self._ctx.settings.lease_s

    def stop(self) -> None:
        """End the renewing."""
        self._done.set()

    def _renew(self) -> bool:
        with self._ctx.database.session() as session:
            is_good = leases.renew(session, self.claim, lease_s=self._ctx.settings.lease_s)
            session.commit()
        return is_good

    def _is_held(self) -> bool:
        with self._ctx.database.reader() as session:
            return leases.is_held(session, self.claim)


@contextlib.contextmanager
def keep_lease(ctx: JobContext, claim: Claim) -> Iterator[LeaseKeeper]:
    """Hold the claim for the length of the block."""
    keeper = LeaseKeeper(ctx, claim)
    thread = threading.Thread(target=keeper.run, name=f"lease-{claim.job_id[:8]}", daemon=True)
    thread.start()
    try:
        yield keeper
    finally:
        keeper.stop()
        thread.join()
