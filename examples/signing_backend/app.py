"""Another backend that signs tokens for Bulkdl: it knows its people, shares a secret with Bulkdl, and nothing else.

    JWT_SECRET_KEY=… .venv/bin/python examples/signing_backend/app.py

serves the page of examples/html at http://127.0.0.1:9000. What it does fits any language: see docs/embedding.md.
"""

import os
import time
from pathlib import Path

import jwt
from flask import Flask, jsonify, send_from_directory

PAGE = Path(__file__).parents[1] / "html"
SECRET = os.environ["JWT_SECRET_KEY"]
LIFETIME_S = 600

app = Flask(__name__, static_folder=None)


@app.get("/")
def index():
    return send_from_directory(PAGE, "index.html")


@app.get("/<path:name>")
def file(name):
    return send_from_directory(PAGE, name)


@app.post("/bulkdl-token")
def bulkdl_token():
    """A short-lived token for whoever is signed in here; it never leaves the page's memory."""
    user = signed_in_user()
    now = int(time.time())
    claims = {"sub": user["id"], "projects": user["projects"], "iat": now, "exp": now + LIFETIME_S}
    return jsonify(token=jwt.encode(claims, SECRET, algorithm="HS256"))


def signed_in_user():
    """Stands for your session: who asks, and whose media they may see."""
    return {"id": "ann", "projects": ["demo"]}


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "9000")))
