"""The programs that `make test-reality` installs below .venv, and servers of theirs on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cmlkit.clock import SystemClock

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
BIN = ROOT / ".venv" / "reality" / "bin"
NODE_MODULES = ROOT / ".venv" / "node" / "node_modules"
START_SECONDS = 60


class Missing(Exception):
    """A program is not installed. It fails the tests that need it: none of them is skipped."""


def tool(name: str) -> Path:
    """Return the path of a program that `make test-reality` installs.

    Raises:
        Missing: It is not there.
    """
    path = BIN / name
    if not path.exists():
        raise Missing(f"{path} is missing: run make test-reality, which installs it")
    return path


def package(name: str) -> Path:
    """Return the folder of an npm package.

    Raises:
        Missing: It is not there.
    """
    path = NODE_MODULES / name
    if not path.is_dir():
        raise Missing(f"{path} is missing: run make test-reality, which installs it")
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment(**further: str) -> dict[str, str]:
    """Return a program's variables: those of this machine without any that configure git, GitHub or AWS."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    isolated = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    return {**kept, "PATH": path, **isolated, **further}


def node(program: str, *arguments: str, folder: Path, environ: Mapping[str, str] | None = None) -> str:
    """Return what a program of `programs/` prints. It runs where node finds the packages."""
    command = [str(tool("node")), str(placed(program, folder)), *arguments]
    return output(command, environ=clean_environment(**(environ or {})))


def placed(program: str, folder: Path) -> Path:
    """Return the path of a copy of the program, with the packages beside it: node resolves imports from there."""
    package("emulate")
    target = folder / program
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROGRAMS / program, target)
    packages = target.parent / "node_modules"
    if not packages.exists():
        packages.symlink_to(NODE_MODULES)
    return target


def output(command: Sequence[str], *, environ: Mapping[str, str], folder: Path | None = None) -> str:
    """Return a command's standard output; its failure shows all that it printed."""
    done = subprocess.run(command, env=dict(environ), cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def serving(command: Sequence[str], *, port: int, environ: Mapping[str, str], log: Path) -> Iterator[str]:
    """Run a server until the block ends, and yield its URL once it accepts connections."""
    with log.open("wb") as written:
        server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=written, stderr=subprocess.STDOUT, env=dict(environ), cwd=log.parent
        )
    try:
        _until_it_listens(server, port, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        if server.stdin is not None:
            server.stdin.close()


def _until_it_listens(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    clock = SystemClock()
    end = clock.now() + START_SECONDS
    while clock.now() < end and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            clock.sleep(0.05)
        else:
            return
    raise AssertionError(f"{server.args!r} does not listen on {port}:\n{log.read_text('utf-8', 'replace')}")
