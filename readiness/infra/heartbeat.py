"""The worker's two signs of life, both kept in the broker.

*Consumed*: the moment when a worker last ran `infra.heartbeat`, a task that beat sends every ten seconds. It proves the
whole chain (beat, broker, worker, pool child); a worker that is connected but silent does not renew it.
*Present*: what a worker's main process says of itself, with an expiry. It tells a worker that is busy with long tasks
from one that is gone, and names the workers whose tasks have to be taken over.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from redis import Redis

CONSUMED_KEY = "readiness:worker:consumed"
WORKERS_KEY = "readiness:workers"
PERIOD = timedelta(seconds=10)
PRESENT_FOR = 3 * PERIOD


@dataclass(frozen=True, slots=True)
class Presence:
    """What a worker says of itself: the names of the tasks that it runs, and how many it can run at once."""

    busy: tuple[str, ...]
    slots: int


def _present_key(worker: str) -> str:
    return f"readiness:worker:present:{worker}"


def consumed_record(client: "Redis", *, at: datetime) -> None:
    """A worker has run the heartbeat task."""
    client.set(CONSUMED_KEY, at.timestamp())


def presence_record(client: "Redis", *, worker: str, presence: Presence) -> None:
    """The worker's main process is there."""
    with client.pipeline() as pipe:
        pipe.sadd(WORKERS_KEY, worker)
        pipe.set(_present_key(worker), json.dumps({"busy": presence.busy, "slots": presence.slots}), ex=PRESENT_FOR)
        pipe.execute()


def presence_remove(client: "Redis", *, worker: str) -> None:
    """The worker ends in good order; what it could not finish is found by workers_absent()."""
    client.delete(_present_key(worker))


def workers_absent(client: "Redis") -> set[str]:
    """Workers that were once there and show no sign of presence now."""
    names = sorted(_text(name) for name in client.smembers(WORKERS_KEY))
    signs = client.mget([_present_key(name) for name in names]) if names else []
    return {name for name, sign in zip(names, signs, strict=True) if sign is None}


def worker_forget(client: "Redis", *, worker: str) -> None:
    """Its tasks have been taken over."""
    client.srem(WORKERS_KEY, worker)


def signs_read(client: "Redis") -> tuple[datetime | None, dict[str, Presence]]:
    """When a heartbeat was last consumed, and the workers that are present, by name; two round trips."""
    names = sorted(_text(name) for name in client.smembers(WORKERS_KEY))
    consumed, *signs = client.mget([CONSUMED_KEY, *(_present_key(name) for name in names)])
    said = {name: json.loads(sign) for name, sign in zip(names, signs, strict=True) if sign is not None}
    present = {name: Presence(tuple(sign["busy"]), sign["slots"]) for name, sign in said.items()}
    return (datetime.fromtimestamp(float(consumed), UTC) if consumed is not None else None), present


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
