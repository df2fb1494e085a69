"""`python -m tests [arguments of pytest]`: the whole suite, SQLite and PostgreSQL side by side, as `make test` does.

SQLite's run is shown as it goes, PostgreSQL's (only what meets a database) when both have ended.
"""

import subprocess
import sys
from tempfile import TemporaryFile

NO_TESTS = 5  # pytest's exit status when nothing was selected


def main(arguments: list[str]) -> int:
    """Exit status 0 when both runs are green and at least one ran a test, else the first that is not."""
    pytest = [sys.executable, "-m", "pytest", *arguments]
    with TemporaryFile() as output:
        beside = subprocess.Popen([*pytest, "--database=postgres", "-m", "not pure"], stdout=output, stderr=output)
        try:
            here = subprocess.run([*pytest, "--database=sqlite"]).returncode
            there = beside.wait()
        except KeyboardInterrupt:  # both got it from the terminal, and clear up
            beside.wait()
            return 130
        output.seek(0)
        sys.stdout.write(output.read().decode(errors="replace"))
    if here == there == NO_TESTS:
        return NO_TESTS
    return next((status for status in (here, there) if status not in (0, NO_TESTS)), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
