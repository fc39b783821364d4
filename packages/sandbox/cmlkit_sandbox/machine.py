"""The machine: boots from an instance's user data as real processes, and leaves none behind when it ends.

It is no jail. The script and the job run as the user who runs the sandbox, with that user's rights;
only programs that would change the whole computer are replaced, by those in `shims/`.
"""

from __future__ import annotations

import base64
import gzip
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

MARK = "CMLKIT_SANDBOX_MACHINE"
"""The variable that holds a machine's directory, in all of its processes."""

GRACE_SECONDS = 2.0
LOOPBACK = "127.0.0.1,localhost"
GZIP_MAGIC = b"\x1f\x8b"
_SHIMS = Path(__file__).with_name("shims")
_INIT_PROCESS = Path(__file__).with_name("init_process.py")

# What a machine shares with the sandbox's own environment: language, caches and authorities. No credentials, no tokens.
SHARED_VARIABLES = (
    "CURL_CA_BUNDLE",
    "LANG",
    "LC_ALL",
    "MPLCONFIGDIR",
    "PIP_CACHE_DIR",
    "PIP_NO_INDEX",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TZ",
    "UV_CACHE_DIR",
    "VIRTUAL_ENV",
)


class Machine:
    """One instance's machine, in its own directory.

    Args:
        directory: Created by the machine; its name is the instance's id.
        user_data: From RunInstances, base64-encoded; empty for a machine that only idles.
        host: The sandbox's own environment, whose PATH and SHARED_VARIABLES are shared.
        environ: Further variables for the boot script, such as its metadata service's address.
        clock_rate: How many of the machine's timer seconds pass in one second.
        grace_seconds: How long processes may take to end after the power-off.
    """

    def __init__(
        self,
        directory: Path,
        *,
        user_data: str,
        host: Mapping[str, str],
        environ: Mapping[str, str] | None = None,
        clock_rate: float = 1.0,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self.directory = directory
        self.grace_seconds = grace_seconds
        self._script = decoded(user_data)
        self._environ = {**_variables(directory, host), "CMLKIT_SANDBOX_CLOCK_RATE": str(clock_rate), **(environ or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._power = threading.Lock()

    def boot(self) -> None:
        """Press the power button: the boot script starts in the background."""
        self._lay_out()
        script = self.directory / "user-data"
        script.write_bytes(self._script)
        is_script = self._script.startswith(b"#!")
        init = [sys.executable, "-IS", str(_INIT_PROCESS)]
        with self._console.open("ab", buffering=0) as console:
            if self._script and not is_script:
                console.write(b"cloud-init: the user data is no script, and no other form of it is known here\n")
            self._process = subprocess.Popen(
                [*init, str(script) if is_script else "", str(self.grace_seconds)],
                cwd=self.directory,
                env=self._environ,
                stdin=subprocess.PIPE,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def console(self) -> str:
        """The machine's console output."""
        try:
            return self._console.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    @property
    def is_on(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def power_off(self) -> None:
        """End everything on the machine, without waiting; does nothing if it is off."""
        with self._power:
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the machine is off, that is, until its last process has ended.

        Raises:
            subprocess.TimeoutExpired: It is still on after `timeout` seconds.
        """
        if self._process is not None:
            self._process.wait(timeout)
            self.power_off()
            shutil.rmtree(self.directory / "tmp", ignore_errors=True)

    @property
    def _console(self) -> Path:
        return self.directory / "console"

    def _lay_out(self) -> None:
        for name in ("root", "sudoers.d", "tmp"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        (self.directory / "stopping").unlink(missing_ok=True)
        shutil.copytree(_SHIMS, self.directory / "bin", dirs_exist_ok=True)
        for shim in (self.directory / "bin").iterdir():
            shim.chmod(0o755)  # not every way to install a package keeps it


def decoded(user_data: str) -> bytes:
    """Return the script in base64-encoded user data, decompressed if gzipped, as cloud-init does."""
    content = base64.b64decode(user_data)
    return gzip.decompress(content) if content.startswith(GZIP_MAGIC) else content


def _variables(directory: Path, host: Mapping[str, str]) -> dict[str, str]:
    # This interpreter's folder comes first after the shims, so that the machine has this cmlkit and this python.
    path = [str(directory / "bin"), str(Path(sys.executable).parent), host.get("PATH", os.defpath)]
    return {
        **{name: host[name] for name in SHARED_VARIABLES if name in host},
        MARK: str(directory),
        "PATH": os.pathsep.join(path),
        "HOME": str(directory / "root"),
        "TMPDIR": str(directory / "tmp"),
        "CMLKIT_HOME": str(directory / "cmlkit"),
        "CMLKIT_SUDOERS_FOLDER": str(directory / "sudoers.d"),
        "NO_PROXY": LOOPBACK,
        "no_proxy": LOOPBACK,
    }
