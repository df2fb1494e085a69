"""`python -m tests [arguments of pytest]`: the whole suite, SQLite and PostgreSQL side by side, as `make test` does.

Three runs at once: on SQLite what starts programs and looks at pages (which mostly waits) and everything else, and on
PostgreSQL only what meets a database. The second is shown as it goes, the others when all have ended.
"""

import subprocess
import sys
from tempfile import TemporaryFile

NO_TESTS = 5  # pytest's exit status when nothing was selected
HERE = ["--database=sqlite", "-m", "not served"]
BESIDE = (["--database=sqlite", "-m", "served"], ["--database=postgres", "-m", "not pure"])


def main(arguments: list[str]) -> int:
    """Exit status 0 when all runs are green and at least one ran a test, else the first that is not."""
    pytest = [sys.executable, "-m", "pytest", *arguments]
    with TemporaryFile() as first, TemporaryFile() as second:
        outputs = (first, second)
        beside = [
            subprocess.Popen([*pytest, *options], stdout=output, stderr=output)
            for options, output in zip(BESIDE, outputs, strict=True)
        ]
        try:
            statuses = [subprocess.run([*pytest, *HERE]).returncode]
            statuses += [run.wait() for run in beside]
        except KeyboardInterrupt:  # all got it from the terminal, and clear up
            for run in beside:
                run.wait()
            return 130
        for output in outputs:
            output.seek(0)
            sys.stdout.write(output.read().decode(errors="replace"))
    if all(status == NO_TESTS for status in statuses):
        return NO_TESTS
    return next((status for status in statuses if status not in (0, NO_TESTS)), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
