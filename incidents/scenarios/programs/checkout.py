"""A small shop that fails while it settles an order: the first incident that a new console has to show.

    SENTRY_DSN=http://…@127.0.0.1:8000/1 python -m incidents.scenarios.programs.checkout

Prints one JSON line, `{"event_id": "<32 hex>"}`. Exit status 0 when the SDK has handed the event over.
"""

import json
import logging
import sys
from dataclasses import dataclass

import sentry_sdk

log = logging.getLogger("shop.checkout")


class GatewayTimeout(TimeoutError):
    """The payment gateway gave no answer."""


@dataclass(frozen=True)
class Order:
    number: int
    cents: int


def reserve(order: Order) -> None:
    log.info("order %s: %s cents reserved", order.number, order.cents)


def charge(order: Order) -> None:
    log.warning("order %s: the gateway is slow to answer", order.number)
    raise ConnectionResetError(f"gateway hung up on order {order.number}")


def settle(order: Order) -> None:
    """Reserve, charge, settle; the charge has three seconds."""
    reserve(order)
    try:
        charge(order)
    except ConnectionResetError as hung_up:
        raise GatewayTimeout("payment gateway: no answer in 3000 ms") from hung_up


def main() -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    sentry_sdk.init(
        release="selfcheck-shop@1.0.0", environment="selfcheck", server_name="selfcheck", shutdown_timeout=10
    )
    sentry_sdk.set_tag("component", "shop.checkout")
    sentry_sdk.set_user({"id": "a-made-up-customer"})
    event_id = None
    try:
        settle(Order(number=1001, cents=4_250))
    except GatewayTimeout as failure:
        event_id = sentry_sdk.capture_exception(failure)
    sentry_sdk.flush(timeout=10)
    sys.stdout.write(json.dumps({"event_id": event_id}) + "\n")
    return 0 if event_id else 1


if __name__ == "__main__":
    raise SystemExit(main())
