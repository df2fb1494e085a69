"""A program with sentry_sdk in it: `program.py DSN SCENARIO`. Its answers go to stdout as JSON."""

import json
import sys
from typing import Any

import sentry_sdk
from sentry_sdk.transport import HttpTransport

dsn, scenario = sys.argv[1:]
STATUSES: list[int] = []


class Watched(HttpTransport):
    """The SDK's own transport; only looks at what was answered."""

    def _request(self, *args: Any, **kwargs: Any) -> Any:
        response = super()._request(*args, **kwargs)
        STATUSES.append(response.status)
        return response


SCENARIOS: dict[str, dict[str, Any]] = {
    "plain": {"_experiments": {"transport_compression_level": 0}},
    "gzip": {"_experiments": {"transport_compression_algo": "gzip", "transport_compression_level": 9}},
    "br": {"_experiments": {"transport_compression_algo": "br"}},
    "pool": {"_experiments": {"transport_num_pools": 1}, "keep_alive": True},
    "limited": {},
    "dropped": {"before_send": lambda event, hint: None if event.get("message") == "never sent" else event},
    "large": {"max_value_length": 10_000_000},
}
sentry_sdk.init(dsn=dsn, release="shop-py@1.0.0", environment="test", transport=Watched, **SCENARIOS[scenario])

if scenario == "limited":
    for number in range(5):
        sentry_sdk.capture_message(f"message {number}")
        sentry_sdk.flush(10)
elif scenario == "dropped":
    sentry_sdk.capture_message("never sent")
    sentry_sdk.capture_message("sent")
elif scenario == "large":
    with sentry_sdk.new_scope() as scope:
        scope.set_extra("dump", "x" * 1_500_000)
        sentry_sdk.capture_exception(ValueError("too much"))
else:
    try:
        try:
            dict[str, str]()["shipping"]
        except KeyError as cause:
            raise RuntimeError(f"sent by {scenario}") from cause
    except RuntimeError as error:
        sentry_sdk.capture_exception(error)

sentry_sdk.flush(10)
client = sentry_sdk.get_client()
assert isinstance(client.transport, Watched)
client.transport._flush_client_reports(force=True)
client.close(timeout=10)
sys.stdout.write(json.dumps({"statuses": STATUSES}))
