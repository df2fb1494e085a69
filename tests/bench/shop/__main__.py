"""Order in the shop until every department has failed in every way; write what the SDK would have sent.

FOLDER/NNN.envelope is an envelope as the SDK serialises it, FOLDER/frames.json the number of frames of each.
"""

import importlib
import json
import logging
import sys
from pathlib import Path
from string import Template
from typing import Any

import django
import sentry_sdk
from django.conf import settings
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.urls import path
from sentry_sdk.envelope import Envelope
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.transport import Transport

from tests.bench.shop.counter import Ticket, walk

DEPARTMENTS = (
    "bakery", "books", "cheese", "clocks", "fabrics", "flowers", "fruit", "games", "garden", "glass",
    "gloves", "kitchen", "lamps", "music", "paper", "shoes", "spices", "tools", "toys", "wine",
)  # fmt: skip
KINDS = ("lookup", "convert", "average", "label", "add", "first", "find", "ledger", "parse", "settle")
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"
log = logging.getLogger("shop.web")


def order(request: HttpRequest, department: str, kind: str, number: int) -> HttpResponse:
    """The shop's one view: a ticket for what was ordered, through the stations, to the department."""
    wanted: dict[str, Any] = json.loads(request.body)
    desk = getattr(importlib.import_module(f"departments.{department}"), f"{department}_desk")(kind)
    ticket = Ticket(number, wanted["customer"], wanted["lines"])
    outcome = walk(ticket, wanted["stations"], desk)
    return JsonResponse({"ticket": ticket.number, "outcome": str(outcome)})


# A route for each department and kind: events are told apart by their transaction too.
urlpatterns = [
    path(f"{department}/{kind}/<int:number>/", order, {"department": department, "kind": kind})
    for department in DEPARTMENTS
    for kind in KINDS
]


class Kept(Transport):
    """Keeps what would be sent."""

    envelopes: list[Envelope] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)


def _departments_write(folder: Path) -> None:
    """Real files: the SDK reads source context from them."""
    template = Template(Path(__file__).with_name("department.txt").read_text())
    package = folder / "departments"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    for name in DEPARTMENTS:
        (package / f"{name}.py").write_text(template.substitute(name=name))
    sys.path.insert(0, str(folder))


def _set_up() -> None:
    settings.configure(
        SECRET_KEY="of no use",
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
        MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
    )
    sentry_sdk.init(
        dsn="http://0123456789abcdef0123456789abcdef@127.0.0.1:1/1",
        transport=Kept,
        integrations=[DjangoIntegration()],
        release="shop@2.7.1",
        environment="production",
        server_name="web-2",
        send_default_pii=True,
        auto_session_tracking=False,
        in_app_include=["tests.bench.shop", "departments"],
    )
    django.setup()
    call_command("migrate", verbosity=0)


def _order_once(client: Client, number: int, department: str, kind: str) -> None:
    scope = sentry_sdk.get_isolation_scope()
    scope.clear_breadcrumbs()
    scope.set_tag("region", ("eu-west", "us-east", "ap-south")[number % 3])
    scope.set_tag("till", f"till-{number % 17:02}")
    scope.set_user(
        {"id": str(5000 + number), "email": f"customer{number}@example.org", "ip_address": f"192.0.2.{number % 250}"}
    )
    for step in range(5):
        log.warning("session %08x: page %d of the catalogue took %d ms", number * 7919, step, 11 + step * 13)
    lines = [
        {"article": f"A-{number * 31 + line:06}", "quantity": 1 + line, "grams": 120 + 15 * line, "gift": line % 2 == 0}
        for line in range(4)
    ]
    customer = {
        "id": 5000 + number,
        "language": "en",
        "city": "Exampleton",
        "loyalty": {"level": 1 + number % 5, "points": 310},
    }
    client.post(
        f"/{department}/{kind}/{number}/?basket={number * 13}&step=pay",
        json.dumps({"customer": customer, "lines": lines, "stations": 7 + number % 3}),
        content_type="application/json",
        headers={"user-agent": AGENT, "accept-language": "en-GB,en;q=0.8", "x-request-id": f"{number * 104_729:032x}"},
    )


def main() -> int:
    folder = Path(sys.argv[1])
    _departments_write(folder)
    _set_up()
    client = Client(raise_request_exception=False)
    for number, (kind, department) in enumerate((kind, name) for kind in KINDS for name in DEPARTMENTS):
        _order_once(client, number, department, kind)
    frames = []
    for envelope in Kept.envelopes:
        event: Any = envelope.get_event()
        if event is not None and "exception" in event:
            (folder / f"{len(frames):03}.envelope").write_bytes(envelope.serialize())
            frames.append(sum(len(value["stacktrace"]["frames"]) for value in event["exception"]["values"]))
    (folder / "frames.json").write_text(json.dumps(frames))
    return 0


if __name__ == "__main__":
    sys.exit(main())
