"""Few and obvious: the smallest valid object of each kind, saved under a declared intent. Append yours at the end.

Each takes its fields as keywords and invents the rest; a number keeps the invented names apart.
"""

import itertools
from typing import Any

from readiness.infra.transactions import atomic_write
from readiness.tenants.models import Project, Tenant, User

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


# --- tenants ------------------------------------------------------------------------------------------------------


def a_tenant(**fields: Any) -> Tenant:
    number = next(_numbers)
    with atomic_write():
        return Tenant.objects.create(**{"slug": f"tenant-{number}", "name": f"Tenant {number}", **fields})


def a_project(**fields: Any) -> Project:
    """Its `pk` is the project_id that every other table carries."""
    tenant = fields.pop("tenant", None) or a_tenant()
    with atomic_write():
        return Project.objects.create(**{"tenant": tenant, "name": tenant.name, **fields})


def a_user(*, role: str, **fields: Any) -> User:
    email = fields.pop("email", f"{role}-{next(_numbers)}@example.test")
    with atomic_write():
        return User.objects.create_user(email, fields.pop("password", PASSWORD), role=role, **fields)


def a_founder(**fields: Any) -> User:
    return a_user(role="founder", **fields)


def an_engineer(**fields: Any) -> User:
    return a_user(role="engineer", **fields)


def a_viewer(**fields: Any) -> User:
    return a_user(role="viewer", **fields)
