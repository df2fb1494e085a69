"""`python -m readiness.supervisor run|stop`: `run` is what `manage.py up` becomes, `stop` what `make stop` calls."""

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path

from readiness.supervisor.home import stop
from readiness.supervisor.loop import Supervisor, say_to_terminal
from readiness.supervisor.plan import Plan

READY = b"ready\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m readiness.supervisor", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the plan that `manage.py up` wrote")
    run.add_argument("--plan-fd", type=int, required=True, help="where to read the plan")
    run.add_argument("--lock-fd", type=int, required=True, help="the held lock of the home, kept open")
    run.add_argument("--report-fd", type=int, help="where to report readiness (detached)")
    ending = commands.add_parser("stop", help="end the console that runs from a home")
    ending.add_argument("home", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "stop":
        say_to_terminal(stop(arguments.home.absolute()))
        return 0
    os.set_inheritable(arguments.lock_fd, False)
    with os.fdopen(arguments.plan_fd) as source:
        plan = Plan.from_json(source.read())
    return _run(plan, arguments.report_fd)


def _run(plan: Plan, report: int | None) -> int:
    def on_ready() -> None:
        say_to_terminal(f"Console ready at {plan.url}")
        if report is not None:
            with suppress(OSError):
                os.write(report, READY)
                os.close(report)

    if report is not None:
        os.set_inheritable(report, False)
    return Supervisor(plan, say=say_to_terminal, on_ready=on_ready, echo=report is None).run()


if __name__ == "__main__":
    sys.exit(main())
