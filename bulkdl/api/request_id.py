"""The header by which a request is found again in the logs.

It stands alone because gunicorn's logger needs it before gevent has patched the standard library: what is
imported until then keeps the sockets and locks that block every greenlet.
"""

REQUEST_ID_HEADER = "X-Request-ID"
