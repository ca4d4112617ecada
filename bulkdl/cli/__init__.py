"""The `bulkdl` command: for a person at a terminal, and for scripts (`--json`, exit statuses).

`main` is the entry · `state` finds settings, server and token · `api` speaks to the web process ·
one file per command beside them.
"""

from bulkdl.cli.main import main

__all__ = ["main"]
