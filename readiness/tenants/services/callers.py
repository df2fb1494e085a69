"""Who calls: what a presented key or DSN stands for, as the machine views see it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """A machine that presented an API key. An `installation` key has neither tenant nor project (None)."""

    key_id: int
    name: str
    tenant_id: int | None
    project_id: int | None
    scopes: frozenset[str]
    installation: bool
    tenant_slug: str | None = None
    synthetic: bool = False
    environment: str = "production"


@dataclass(frozen=True, slots=True)
class DsnCaller:
    """A program that presented a DSN's public key. `trusted`: founders said that the key never leaves their servers."""

    project_id: int
    tenant_id: int
    tenant_slug: str
    trusted: bool
    synthetic: bool
    key_id: int
