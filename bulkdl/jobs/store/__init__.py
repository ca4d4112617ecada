"""Every query on jobs, and the only code that writes a job's status.

catalogue: assets · records: jobs as their owner sees them · leases: claim, renew, give back ·
ledger: items · checkpoint: plan, ranges, parts · outcomes: the transitions · stalled: what a sweep looks for.
Functions take an open session and never commit.
"""
