"""A Flask application of one's own with Bulkdl inside: its login, its pages, and Bulkdl's routes below one prefix.

The environment is Bulkdl's (.env.example). While `make run` is up, its services will do:

    set -a; . .bulkdl/environment; set +a
    JWT_COOKIES=true BULKDL_ALLOWED_ORIGINS=http://127.0.0.1:5000 .venv/bin/python examples/flask_app/app.py
"""

import os
from datetime import timedelta
from pathlib import Path

from flask import Flask, redirect, render_template, request, send_from_directory, session, url_for
from flask_jwt_extended import JWTManager, create_access_token, set_access_cookies, unset_jwt_cookies

import bulkdl
from bulkdl.app import create_app as create_bulkdl

PREFIX = "/media-collab"
MODULES = Path(bulkdl.__file__).parent / "static"
PEOPLE = {"ann": ["demo"]}

app = Flask(__name__)
app.secret_key = os.environ["JWT_SECRET_KEY"]
app.config.update(
    # Bulkdl verifies what this application signs: same secret, same cookies, same CSRF header.
    JWT_SECRET_KEY=os.environ["JWT_SECRET_KEY"],
    JWT_TOKEN_LOCATION=["cookies"],
    JWT_COOKIE_SAMESITE="Lax",
    JWT_COOKIE_SECURE=False,  # True wherever there is TLS
    JWT_ACCESS_TOKEN_EXPIRES=timedelta(hours=8),
)
JWTManager(app)


@app.get("/")
def library():
    if "user" not in session:
        return redirect(url_for("login"))
    return render_template("library.html", prefix=PREFIX, project=PEOPLE[session["user"]][0])


@app.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "GET":
        return render_template("login.html")
    user = request.form["user"]  # your own check of a password goes here
    if user not in PEOPLE:
        return render_template("login.html", error="Nobody of that name."), 401
    session["user"] = user
    response = redirect(url_for("library"))
    set_access_cookies(response, create_access_token(user, additional_claims={"projects": PEOPLE[user]}))
    return response


@app.post("/logout")
def logout():
    session.clear()
    response = redirect(url_for("login"))
    unset_jwt_cookies(response)
    return response


@app.get("/bulkdl/<path:name>")
def bulkdl_modules(name):
    """Bulkdl's browser modules, of the version that is installed."""
    return send_from_directory(MODULES, name)


class Below:
    """Requests below the prefix go to Bulkdl whole; its errors, limits and headers are its own, and so are yours."""

    def __init__(self, prefix, inner, outer):
        self._start = prefix + "/"
        self._inner = inner
        self._outer = outer

    def __call__(self, environ, start_response):
        is_inner = environ["PATH_INFO"].startswith(self._start)
        return (self._inner if is_inner else self._outer)(environ, start_response)


app.wsgi_app = Below(PREFIX, create_bulkdl().wsgi_app, app.wsgi_app)

if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "5000")), threaded=True)
