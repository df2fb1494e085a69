"""kill -9 of web and worker in the middle of the load: nothing that was acknowledged is lost."""

import json
import threading
import uuid
from contextlib import suppress
from http.client import HTTPException

from incidents.errors.models import ErrorEvent
from readiness.supervisor.home import pid_read
from tests.console import Console
from tests.factories import an_event
from tests.launcher.processes import programs, tree
from tests.servers import wait_until

SENDERS, ENOUGH = 8, 400


class Senders:
    """Programs that go on sending whatever happens, and note what was acknowledged."""

    def __init__(self, console: Console) -> None:
        self.console, self.acknowledged, self.stopped = console, set[str](), threading.Event()
        self.path = f"/api/{console.dsn.rsplit('/', 1)[1]}/envelope/"
        self.auth = {"X-Sentry-Auth": f"Sentry sentry_key={console.dsn.split('//')[1].split('@')[0]}"}
        self.threads = [threading.Thread(target=self._send) for _ in range(SENDERS)]

    def _send(self) -> None:
        while not self.stopped.is_set():
            event_id = uuid.uuid4().hex
            event = json.dumps(an_event(event_id=event_id)).encode()
            body = json.dumps({"event_id": event_id}).encode() + b'\n{"type":"event"}\n' + event
            try:
                answer = self.console.call("POST", self.path, body=body, headers=self.auth, timeout_s=30)
            except (OSError, HTTPException):  # killed before, or in the middle of, its answer
                continue  # nobody answered, so nothing was promised
            if answer.status == 200:
                self.acknowledged.add(event_id)

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join(60)


def test_it_loses_nothing_that_it_acknowledged(stack: Console) -> None:
    launcher = pid_read(stack.home)
    assert launcher is not None
    senders = Senders(stack)
    senders.start()
    try:
        for kills in (1, 2, 3):
            target = len(senders.acknowledged) + ENOUGH // 4
            wait_until(lambda: len(senders.acknowledged) >= target, what=f"load before kill {kills}", within_s=60)  # noqa: B023
            for name in ("web", "worker"):
                victim = programs(launcher)[name]
                for process in tree(victim.pid):
                    with suppress(ProcessLookupError):  # it may go with its parent
                        process.kill()
            wait_until(lambda: {"web", "worker"} <= set(programs(launcher)), what="the next lives", within_s=60)
        target = len(senders.acknowledged) + ENOUGH // 4
        wait_until(lambda: len(senders.acknowledged) >= target, what="load after the last kill", within_s=60)
    finally:
        senders.stop()
    with stack.tables():
        stored = {error_id.removeprefix("err_") for error_id in ErrorEvent.objects.values_list("error_id", flat=True)}
    assert len(senders.acknowledged) >= ENOUGH
    assert senders.acknowledged - stored == set()
