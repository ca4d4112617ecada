"""Carrying out a plan: fetch pieces, put parts together, store them.

`work` says what is asked and told; `transfer` is the process's own, `run` one work in it. The ways of
getting a part stored: `copied` by the store, `buffered` whole in memory, `streamed` when it is too
large for that. Beneath them: `buffers`, `lanes` and `pace` (memory, threads, how many), `fetch` and
`retries`, `slabs` and `outlook` (the bytes of a part, and which CRC-32s it waits for), `tally`.
"""

from bulkdl.transfer.transfer import Transfer
from bulkdl.transfer.work import PartResult, Source, Work, count_part

__all__ = ["Transfer", "Work", "PartResult", "Source", "count_part"]
