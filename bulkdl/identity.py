"""Who is asking: token claims become a Principal, and a Principal answers what it may see. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bulkdl.errors import PermissionDenied


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller."""

    user_id: str
    project_ids: frozenset[str] = field(default_factory=frozenset)
    scopes: frozenset[str] = field(default_factory=frozenset)
    expires_at: float | None = None
    """End of the token, seconds since 1970; open streams close then."""
    token_id: str | None = None
    """The token's `jti`, by which it can be revoked; its open streams close then."""

    def require_project(self, project_id: str) -> None:
        """Raise `PermissionDenied` unless the project is among the caller's."""
        if project_id not in self.project_ids:
            raise PermissionDenied("Your token does not cover this project.")


def principal_from_claims(claims: Mapping[str, Any]) -> Principal:
    """Read `sub`, `projects` (list of strings), `scope` (space separated, RFC 8693 §4.2), `exp` and `jti`.

    Raises `PermissionDenied` when `sub` is missing or a claim has another type.
    """
    user_id = claims.get("sub")
    projects = claims.get("projects", [])
    scope = claims.get("scope", "")
    if not isinstance(user_id, str) or not user_id or len(user_id) > 255:
        raise PermissionDenied("The token's `sub` must be a string of 1 to 255 characters.")
    if not isinstance(projects, list) or not all(isinstance(project, str) for project in projects):
        raise PermissionDenied("The token's `projects` must be a list of strings.")
    if not isinstance(scope, str):
        raise PermissionDenied("The token's `scope` must be a string.")
    expires_at = claims.get("exp")
    token_id = claims.get("jti")
    return Principal(
        user_id=user_id,
        project_ids=frozenset(projects),
        scopes=frozenset(scope.split()),
        expires_at=float(expires_at) if isinstance(expires_at, (int, float)) else None,
        token_id=token_id if isinstance(token_id, str) else None,
    )
