"""`bulkdl revoke`: the end of a token that leaked."""

from __future__ import annotations

import sys

import click
import jwt

from bulkdl.api.revocation import RevocationList
from bulkdl.cli.exits import CommandError
from bulkdl.cli.screen import notes
from bulkdl.cli.state import State, pass_state


@click.command()
@click.argument("text", metavar="JWT")
@pass_state
def revoke(state: State, text: str) -> None:
    """Refuse a token that has leaked from now on, until it expires. `-` reads it from standard input."""
    token_id, expires_at = _read_token_id(sys.stdin.read().strip() if text == "-" else text)
    with state.runtime() as runtime:
        RevocationList(runtime.redis).revoke(token_id, expires_at=expires_at)
    notes.print("The token is refused from now on. Streams that it has opened end within 20 seconds.")


def _read_token_id(text: str) -> tuple[str, float | None]:
    """The `jti` of a token, and when it expires; its signature does not matter for refusing it."""
    try:
        claims = jwt.decode(text, options={"verify_signature": False})
    except jwt.PyJWTError as exc:
        raise CommandError(f"That is no token: {exc}.") from exc
    token_id, expires_at = claims.get("jti"), claims.get("exp")
    if not isinstance(token_id, str) or not token_id:
        raise CommandError("The token has no `jti`, by which alone it could be told from others.")
    return token_id, float(expires_at) if isinstance(expires_at, (int, float)) else None
