"""The web process's entry point: `gunicorn wsgi:app`."""

import sys

from bulkdl.app import create_app
from bulkdl.errors import SettingsError

_GIVE_UP = 4
"""The status by which gunicorn knows that another try would end the same way."""

try:
    app = create_app()
except SettingsError as exc:
    print(f"bulkdl: {exc}", file=sys.stderr)
    sys.exit(_GIVE_UP)
