"""The HTTP edge: the only place beside `app` and `cli` that knows Flask and marshmallow.

current: the process's runtime, from inside a request · errors: problem documents · auth, revocation, limits:
who may ask, and how often · headers: what stands on every answer · blueprint, fields, schemas: reading and
writing JSON, and its OpenAPI document · jobs, direct, assets, capabilities, streams, health, pages, docs: the routes ·
stream, handshake, websocket, long_lived: one open stream ·
request_id, observe: request ids, durations · server: gunicorn's logger.
"""
