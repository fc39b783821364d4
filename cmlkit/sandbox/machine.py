"""The machine: boots from an instance's user data as a real process, and leaves no process behind when it ends."""

from __future__ import annotations

import base64
import gzip
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

MARK = "CMLKIT_SANDBOX_MACHINE"
"""The variable by which a machine's processes are known, whatever session or group they moved to."""

KILL_DEADLINE_SECONDS = 10
# What a job on the machine may share with the sandbox's own environment: caches, never credentials or tokens.
SHARED_VARIABLES = ("LANG", "MPLCONFIGDIR", "PIP_CACHE_DIR", "PIP_NO_INDEX", "UV_CACHE_DIR", "VIRTUAL_ENV")

_POWER_OFF = '#!/bin/sh\necho off > "$CMLKIT_SANDBOX_POWER"\n'
# The programs that would change the real machine, as ordinary users see them on this one.
_SHIMS: Mapping[str, str] = {
    "id": "#!/bin/sh\necho 1000\n",
    "poweroff": _POWER_OFF,
    "shutdown": _POWER_OFF,
    "systemctl": '#!/bin/sh\ncase "$1" in\n  poweroff) echo off > "$CMLKIT_SANDBOX_POWER" ;;\n  *) ;;\nesac\n',
    "systemd-run": """#!{python} -IS
import os, subprocess, sys, time
words = sys.argv[1:]
options = [word for word in words if word.startswith("--")]
command = words[len(options):]
delays = [word.partition("=")[2] for word in options if word.startswith("--on-active=")]
if not delays:
    os.execvp(command[0], command)
if os.fork():
    sys.exit()
os.setsid()
time.sleep(float(delays[0]) / float(os.environ["CMLKIT_SANDBOX_CLOCK_RATE"]))
subprocess.run(command)
""",
}


class Machine:
    """One instance's machine.

    Args:
        instance_id: Also the name of its folder below `directory`.
        user_data: As RunInstances got it: base64 of a script, or of a gzipped one.
        metadata_url: Where its instance metadata service is.
        clock_rate: How many of the machine's timer seconds pass in one second.
        powered_off: Called once, from a thread of the machine's own, when it has shut itself down.
    """

    def __init__(
        self,
        *,
        instance_id: str,
        user_data: str,
        directory: Path,
        metadata_url: str,
        environ: Mapping[str, str],
        clock_rate: float,
        powered_off: Callable[[str], None],
    ) -> None:
        self.instance_id = instance_id
        self.directory = directory / instance_id
        self.user_data = user_data
        self.metadata_url = metadata_url
        self.clock_rate = clock_rate
        self._environ = environ
        self._powered_off = powered_off
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._supervise, name=instance_id, daemon=True)
        self._power = self.directory / "power"
        self._ended = threading.Lock()

    def boot(self) -> None:
        """Start the boot script."""
        shims = self._lay_out()
        script = self.directory / "user-data"
        script.write_bytes(decoded(self.user_data))
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                ["bash", str(script)],
                cwd=self.directory,
                env=self._variables(shims),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._thread.start()

    @property
    def console(self) -> str:
        """What the machine has written on its console."""
        try:
            return self._console.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def destroy(self) -> None:
        """End every process of the machine, and wait until they are gone; harmless when it has ended already."""
        with self._ended:
            if self._process is not None:
                self._kill_all(self._process)
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._wake("gone")
            self._thread.join()

    @property
    def _console(self) -> Path:
        return self.directory / "console"

    def _lay_out(self) -> Path:
        shims = self.directory / "shims"
        for folder in (shims, self.directory / "home", self.directory / "tmp"):
            folder.mkdir(parents=True)
        os.mkfifo(self._power)
        for name, text in _SHIMS.items():
            shim = shims / name
            shim.write_text(text.replace("{python}", sys.executable), encoding="utf-8")
            shim.chmod(0o755)
        return shims

    def _variables(self, shims: Path) -> dict[str, str]:
        shared = {name: self._environ[name] for name in SHARED_VARIABLES if name in self._environ}
        path = os.pathsep.join([str(shims), str(Path(sys.executable).parent), self._environ.get("PATH", os.defpath)])
        return {
            **shared,
            MARK: f"{self.instance_id}",
            "PATH": path,
            "HOME": str(self.directory / "home"),
            "TMPDIR": str(self.directory / "tmp"),
            "CMLKIT_HOME": str(self.directory / "cmlkit"),
            "CMLKIT_SANDBOX_POWER": str(self._power),
            "CMLKIT_SANDBOX_CLOCK_RATE": str(self.clock_rate),
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.metadata_url,
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    def _supervise(self) -> None:
        with self._power.open() as power:
            word = power.readline().strip()
        if word == "off":
            self.destroy()
            self._powered_off(self.instance_id)

    def _wake(self, word: str) -> None:
        """Write to the supervising thread. Opened for reading too, since a fifo without a reader blocks its writer."""
        power = os.open(self._power, os.O_RDWR)
        try:
            os.write(power, f"{word}\n".encode())
        finally:
            os.close(power)

    def _kill_all(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + KILL_DEADLINE_SECONDS
        while pids := _marked(self.instance_id):
            for pid in pids:
                _kill(pid)
            if time.monotonic() > deadline:
                raise RuntimeError(f"Processes of {self.instance_id} do not end: {pids}")
            time.sleep(0.01)
        if process.poll() is None:
            process.kill()
        process.wait()
        shutil.rmtree(self.directory / "tmp", ignore_errors=True)


def decoded(user_data: str) -> bytes:
    """The script in base64-encoded user data; cloud-init unpacks gzip, and so does this."""
    content = base64.b64decode(user_data)
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


def _marked(instance_id: str) -> list[int]:
    """Ids of the living processes that carry the machine's mark."""
    wanted = f"{MARK}={instance_id}".encode()
    return [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and wanted in _environment(folder) and not _is_zombie(folder)
    ]


def _environment(folder: Path) -> list[bytes]:
    try:
        return (folder / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _is_zombie(folder: Path) -> bool:
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
