"""`manage.py up`: the whole console on one machine (`make run`): prepare the home, then become the supervisor."""

import logging
import os
import socket
import subprocess
import sys
from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from readiness.infra.broker import BrokerUnavailable, broker_prepare
from readiness.infra.metrics import metrics_prepare
from readiness.launch import plan_for, prepare_database, prepare_static
from readiness.supervisor.__main__ import READY
from readiness.supervisor.home import HomeInUse, home_lock
from readiness.supervisor.plan import Plan


class Command(BaseCommand):
    help = "Run the whole console here: database, broker, web server, worker and scheduler; Ctrl-C ends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--detach", action="store_true", help="return when the console is ready; its pid is in run.pid"
        )

    def handle(self, *args: Any, detach: bool, **options: Any) -> None:
        home: Path = settings.READINESS_HOME
        os.umask(0o077)  # database, broker and logs are this user's alone
        logging.getLogger().setLevel(logging.ERROR)  # this terminal is a person's
        try:
            lock = home_lock(home)
            broker_prepare(home)
            plan = plan_for()
        except (HomeInUse, BrokerUnavailable) as refused:
            raise CommandError(str(refused)) from None
        except OSError as refused:
            raise CommandError(
                f"{home} cannot be written ({refused}). Set READINESS_HOME to a directory that can."
            ) from None
        _require_free_port(settings.READINESS_HOST, settings.PORT)
        prepare_database(say=self._say)
        prepare_static(say=self._say)
        metrics_prepare(home)
        call_command("ensure_founder", stdout=self.stdout, stderr=self.stderr)
        self.stdout.flush()
        if detach:
            self._detach(plan, lock)
        else:
            _become_supervisor(plan, lock)

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _detach(self, plan: Plan, lock: int) -> None:
        """Start the supervisor in a session of its own and wait for its word."""
        listen, report = os.pipe()
        log = plan.home / "logs" / "console.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as output:
            command, source = _supervisor(plan, lock)
            subprocess.Popen(
                [*command, "--report-fd", str(report)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=plan.cwd,
                start_new_session=True,
                pass_fds=(source, lock, report),
            )
        os.close(report)
        with os.fdopen(listen, "rb") as word:
            if word.readline() != READY:
                end = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
                raise CommandError(f"The console did not become ready. The end of {log}:\n{end}")
        self.stdout.write(f"Console ready at {plan.url}")


def _supervisor(plan: Plan, lock: int) -> tuple[list[str], int]:
    """Its command, and the descriptor from which it reads the plan."""
    source, sink = os.pipe()  # a plan is a few kilobytes: it fits into the pipe before anybody reads
    with os.fdopen(sink, "w") as plan_file:
        plan_file.write(plan.to_json())
    command = [sys.executable, "-m", "readiness.supervisor", "run", "--plan-fd", str(source), "--lock-fd", str(lock)]
    return command, source


def _become_supervisor(plan: Plan, lock: int) -> NoReturn:
    """Django has done its part; the process goes on as something much smaller, under the same pid."""
    command, source = _supervisor(plan, lock)
    for descriptor in (source, lock):
        os.set_inheritable(descriptor, True)
    os.chdir(plan.cwd)
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606


def _require_free_port(host: str, port: int) -> None:
    """Raises CommandError when the web server could not listen there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with closing(socket.socket(family, kind, protocol)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as refused:
        raise CommandError(
            f"Nothing can listen on port {port} of {host} ({refused.strerror}). Set PORT to a free one, for example "
            f"`PORT={port + 1} make run`, or end the program that uses it."
        ) from None
