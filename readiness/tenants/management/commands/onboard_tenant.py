"""`manage.py onboard_tenant SLUG`: a tenant with its project, DSN and keys, shown this once (INTERFACES.md).

Exit 0 done, 1 the tenant exists already (nothing is changed) or, with --rotate-keys, does not; 64 bad usage.
"""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from readiness.infra.refusals import Invalid, Refusal
from readiness.tenants.access import COMMAND_LINE
from readiness.tenants.adapters import config_curl, onboarding_body, sentry_snippet
from readiness.tenants.workflows import keys_rotate, tenant_onboard


class Command(BaseCommand):
    help = "Make a tenant with its project, its Sentry DSN and its keys, and show them this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="1 to 63 lower-case letters, digits and hyphens, such as acme-eu")
        parser.add_argument("--name", default="", help="what people read; the slug if left out")
        parser.add_argument("--trusted", action="store_true", help="the DSN never leaves the team's own servers")
        parser.add_argument("--rotate-keys", action="store_true", help="new keys for a tenant that exists already")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["rotate_keys"]:
                onboarded = keys_rotate(slug=options["slug"], trusted=options["trusted"], actor=COMMAND_LINE)
            else:
                onboarded = tenant_onboard(
                    slug=options["slug"], name=options["name"], trusted=options["trusted"], actor=COMMAND_LINE
                )
        except Refusal as refusal:
            raise CommandError(refusal.detail, returncode=64 if isinstance(refusal, Invalid) else 1) from None
        body = onboarding_body(onboarded, base_url=settings.READINESS_BASE_URL)
        self.stdout.write(json.dumps(body, indent=2) if options["json"] else _for_people(body, options["rotate_keys"]))


def _for_people(body: dict[str, Any], rotated: bool) -> str:
    keys = "\n".join(f"  {scope:<16} {key}" for scope, key in body["keys"].items())
    trust = "trusted: keep it on your servers" if body["dsn_trusted"] else "public: fit for browsers and apps"
    head = (
        f"New keys for {body['tenant']}; the old ones have stopped working." if rotated else f"{body['tenant']} is in."
    )
    snippet = sentry_snippet(dsn=body["dsn"]).replace("\n", "\n  ")
    curl = config_curl(base_url=body["config_url"].removesuffix("/config"), key=body["keys"]["config:read"])
    return f"""{head} These keys are shown this once: store them now.

Keys of project {body["project_id"]}
{keys}

Errors, from any Sentry SDK (this DSN is {trust})
  {body["dsn"]}

  {snippet}

Flags
  {curl}

Console
  {body["console_url"]}"""
