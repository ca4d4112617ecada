# One image for web, worker, clock, migrations and the `bulkdl` command: the command line says which.

FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install -r requirements.txt
WORKDIR /app
COPY . .
# The code stays in /app, beside alembic.ini and wsgi.py; this adds the `bulkdl` command.
RUN /venv/bin/pip install --no-deps --editable . && /venv/bin/python -m compileall -q bulkdl actors

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home bulkdl
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PORT=8000
USER bulkdl
EXPOSE 8000
CMD ["gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
