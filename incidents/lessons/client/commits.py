"""What git knows: the commit, whether it speaks of main, worktrees, and the files laid over one."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from incidents.lessons.client.exits import EX_USAGE, fail, say


def git_try(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, check=False)  # noqa: S607  the user's
    except OSError as error:
        fail(EX_USAGE, f"git cannot be run ({error.strerror}): install it here, for it knows which commit this is.")


def git(*arguments: str, cwd: Path | None = None) -> str:
    """The output of a git command. Exits 64 with git's own words."""
    done = git_try(*arguments, cwd=cwd)
    if done.returncode:
        fail(EX_USAGE, f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="replace").strip()


def commit_of(name: str) -> str:
    """The full id of a commit. Exits 64 where it is not here, and says what a shallow clone lacks."""
    done = git_try("rev-parse", "--verify", "--quiet", name + "^{commit}")
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip() or "there is no such commit here."
        if git_try("rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
            why += " This clone is shallow: git fetch --unshallow brings what it lacks."
        fail(EX_USAGE, f"{name}: {why}")
    return done.stdout.decode().strip()


def main_ref(named: str | None) -> str | None:
    """The main ref: the one named, else what origin calls its HEAD, or the first of the usual names that exists."""
    names = (named,) if named else ("origin/HEAD", "origin/main", "origin/master", "main", "master")
    return next((name for name in names if git_try("rev-parse", "--verify", name).returncode == 0), None)


def is_on_main(commit: str, named: str | None) -> bool:
    """Whether the commit is the last one of the main ref. One of the past (an old build run again, a bisection) says
    nothing about main as it is now.
    """
    ref = main_ref(named)
    if named and ref is None:
        fail(EX_USAGE, f"--main {named}: there is no such ref here.")
    if ref is None:  # as many builds clone: one commit, no branch. Unsaid, every control would turn stale one day
        say(
            "no main ref is known here, so this counts as a run off it: fetch it (git fetch origin main:main), or name "
            "it with --main or READINESS_MAIN"
        )
    return ref is not None and git("rev-parse", ref + "^{commit}") == commit


@contextlib.contextmanager
def worktree(commit: str, path: Path) -> Iterator[Path]:
    """A worktree of its own at this commit, removed whatever happens."""
    git("worktree", "add", "--quiet", "--detach", str(path), commit)
    try:
        yield path
    finally:
        git_try("worktree", "remove", "--force", str(path))
        shutil.rmtree(str(path), ignore_errors=True)
        git_try("worktree", "prune")


class Overlay(NamedTuple):
    """Files of the fixed commit (paths from the repository's root) and the sha256 over their paths and contents."""

    paths: list[str]
    sha256: str


def overlay_of(names: list[str], commit: str) -> Overlay | None:
    """The named files or folders as the commit has them; None if none is named."""
    paths: set[str] = set()
    for name in names:
        found = git("--literal-pathspecs", "ls-tree", "-r", "-z", "--name-only", "--full-name", commit, "--", name)
        if not found:
            fail(EX_USAGE, f"--overlay {name}: the fixed commit {commit[:12]} has no such file.")
        paths.update(path for path in found.split("\0") if path)
    digest = hashlib.sha256()
    for path in sorted(paths):
        content = git_try("cat-file", "blob", f"{commit}:{path}").stdout
        digest.update(b"%s\0%d\0%s" % (path.encode(), len(content), content))
    return Overlay(sorted(paths), digest.hexdigest()) if paths else None
