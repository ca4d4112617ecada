"""What the local start is called: its one project, and whoever opens the page."""

from __future__ import annotations

PROJECT = "demo"
USER = "demo"
