"""What the views work with: the process's runtime, found through the application that serves the request."""

from __future__ import annotations

from typing import cast

from flask import Flask, current_app

from bulkdl.jobs.context import JobContext
from bulkdl.runtime import Runtime
from bulkdl.settings import Settings

_KEY = "bulkdl"


def attach_runtime(app: Flask, runtime: Runtime) -> None:
    """Make the runtime known to the views of this application."""
    app.extensions[_KEY] = runtime


def current_runtime() -> Runtime:
    """The runtime that `create_app` was given."""
    return cast(Runtime, current_app.extensions[_KEY])


def current_settings() -> Settings:
    """The settings of this process."""
    return current_runtime().settings


def current_jobs() -> JobContext:
    """What every function of `bulkdl.jobs` asks for."""
    return current_runtime().jobs
