"""Events, worker to browser: progress is state and may be merged, an end is never lost."""
