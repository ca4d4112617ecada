"""The web process's entry point: `gunicorn wsgi:app`."""

from bulkdl.app import create_app

app = create_app()
