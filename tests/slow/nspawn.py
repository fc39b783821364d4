"""Containers with real systemd and cloud-init, which boot user data as an instance on EC2 would."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cmlkit.clouds.aws.first_boot import first_boot
from cmlkit.forges.github.agent import runner_agent
from cmlkit.runner.boot import BootSpec, user_data
from tests.stand_in_runner import Tarball

BOOT_DEADLINE_SECONDS = 120
# What systemd-nspawn --keep-unit exits with when the container asked for a reboot.
REBOOT = 133

BASE_PACKAGES = "systemd,systemd-sysv,dbus,iproute2,curl,python3,ca-certificates"
# Installed by apt, because debootstrap does not resolve the virtual packages that cloud-init depends on.
APT_PACKAGES = "cloud-init"
DOCKER_PACKAGES = "docker.io sudo"
MIRROR_SECONDS = 30
CLOUD_CONFIG = "datasource_list: [NoCloud, None]\n"

CACHE = Path(__file__).parents[2] / "build" / "nspawn"


@dataclass(frozen=True, kw_only=True)
class System:
    """A system that debootstrap can install.

    Attributes:
        keyring: Address and SHA-256 of the package with the keys of the mirror; None if debootstrap finds them.
        script: Name of debootstrap's script, for suites that are newer than debootstrap.
    """

    suite: str
    mirror: str
    keyring: tuple[str, str] | None = None
    script: str = ""


DEBIAN, UBUNTU = "http://deb.debian.org/debian", "http://archive.ubuntu.com/ubuntu"
UBUNTU_KEYRING = (
    f"{UBUNTU}/pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb",
    "36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8",
)
UBUNTU_KEYS = "usr/share/keyrings/ubuntu-archive-keyring.gpg"
# Those that docs/reference/systems.md says boot. Debian 12 is the one that every other test uses.
SYSTEMS = {
    "Debian 12": System(suite="bookworm", mirror=DEBIAN),
    "Debian 13": System(suite="trixie", mirror=DEBIAN),
    "Ubuntu 22.04": System(suite="jammy", mirror=UBUNTU, keyring=UBUNTU_KEYRING, script="gutsy"),
    "Ubuntu 24.04": System(suite="noble", mirror=UBUNTU, keyring=UBUNTU_KEYRING, script="gutsy"),
}
USUAL = "Debian 12"


class CannotBoot(Exception):
    """This machine lacks what a container needs; the message names it."""


def require_tools() -> None:
    """Raise CannotBoot naming every tool and capability that is missing here."""
    tools = {"systemd-nspawn": "systemd-container", "debootstrap": "debootstrap", "mount": "mount"}
    lacking = [f"{tool} (apt package {package})" for tool, package in tools.items() if not shutil.which(tool)]
    if os.geteuid() != 0:
        lacking.append("root, for mounts and namespaces")
    if not _cgroup_mounts("cgroup2"):
        lacking.append("a mounted cgroup2 hierarchy")
    if lacking:
        raise CannotBoot("booting a container needs " + ", ".join(lacking))


def base_root(name: str = USUAL) -> Path:
    """Return a root directory of a system with systemd and cloud-init, built once per machine and recipe.

    Raises:
        CannotBoot: It is not the usual one, and its mirror cannot be reached.
    """
    system = SYSTEMS[name]
    recipe = "\n".join([system.suite, system.mirror, BASE_PACKAGES, APT_PACKAGES, CLOUD_CONFIG])
    root = CACHE / f"root-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            if name != USUAL:
                _require_mirror(system)
            _build(root, system)
    return root


def docker_root(base: Path) -> Path:
    """Return that root directory with Docker and sudo, built once."""
    root = base.with_name(f"{base.name}-docker")
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            unfinished = root.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            _run("cp", "--archive", str(base), str(unfinished))
            shutil.copy("/etc/resolv.conf", unfinished / "etc" / "resolv.conf")
            _install(unfinished, DOCKER_PACKAGES)
            # Not at a boot, but when the boot script starts it.
            _run("systemctl", f"--root={unfinished}", "--quiet", "disable", "docker.service", "docker.socket")
            unfinished.rename(root)
    return root


def _install(root: Path, packages: str) -> None:
    install = f"apt-get update && apt-get install --yes --no-install-recommends {packages} && apt-get clean"
    _run("chroot", str(root), "env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", install)


def _require_mirror(system: System) -> None:
    try:
        with urllib.request.urlopen(f"{system.mirror}/dists/{system.suite}/Release", timeout=MIRROR_SECONDS):
            return
    except OSError as error:
        raise CannotBoot(f"{system.suite} cannot be had from {system.mirror}: {error}") from error


def _keys(system: System) -> list[str]:
    """Return debootstrap's option for the mirror's keys, out of a package whose hash is known."""
    if system.keyring is None:
        return []
    address, sha256 = system.keyring
    with urllib.request.urlopen(address, timeout=MIRROR_SECONDS) as answer:
        package = answer.read()
    if (found := hashlib.sha256(package).hexdigest()) != sha256:
        raise RuntimeError(f"{address} has the SHA-256 {found}, not {sha256}")
    (CACHE / "keyring.deb").write_bytes(package)
    _run("dpkg-deb", "--extract", str(CACHE / "keyring.deb"), str(CACHE / "keyring"))
    return [f"--keyring={CACHE / 'keyring' / UBUNTU_KEYS}"]


def _build(root: Path, system: System) -> None:
    unfinished = root.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    options = ["--variant=minbase", f"--include={BASE_PACKAGES}", *_keys(system)]
    script = [f"/usr/share/debootstrap/scripts/{system.script}"] if system.script else []
    _run("debootstrap", *options, system.suite, str(unfinished), system.mirror, *script)
    shutil.copy("/etc/resolv.conf", unfinished / "etc" / "resolv.conf")
    _install(unfinished, APT_PACKAGES)
    (unfinished / "etc" / "cloud" / "cloud.cfg.d" / "90_seed.cfg").write_text(CLOUD_CONFIG)
    unfinished.rename(root)


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-3000:]}")


def _cgroup_mounts(*kinds: str) -> list[Path]:
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return [Path(mount) for _, mount, kind, *_ in mounts if kind in kinds]


@dataclass
class Container:
    """One machine: a writable layer over the base root, which outlives reboots and ends with the `with` block."""

    base: Path
    directory: Path
    process: subprocess.Popen[bytes] | None = None
    _cgroup: Path = field(init=False)

    def __post_init__(self) -> None:
        self.name = f"cmlkit-{os.getpid()}-{self.directory.name[-20:]}".replace("_", "-").strip("-")
        own = re.search(r"^0::/(.*)$", Path("/proc/self/cgroup").read_text(), re.MULTILINE)
        self._cgroup = _cgroup_mounts("cgroup2")[0] / (own[1] if own else "") / self.name

    def __enter__(self) -> "Container":
        layer = self.directory / "layer"
        for path in (layer, self.root):
            path.mkdir()
        # In memory, because an overlay cannot have an overlay, such as a container's own root, as its writable layer.
        _run("mount", "-t", "tmpfs", "tmpfs", str(layer))
        for path in (layer / "upper", layer / "work"):
            path.mkdir()
        options = f"lowerdir={self.base},upperdir={layer / 'upper'},workdir={layer / 'work'}"
        _run("mount", "-t", "overlay", "overlay", "-o", options, str(self.root))
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self._unplug(self.process)
        _run("umount", str(self.root))
        _run("umount", str(self.directory / "layer"))
        self._remove_cgroup()

    @property
    def root(self) -> Path:
        """The container's file system as the host sees it."""
        return self.directory / "root"

    @property
    def console(self) -> str:
        """What was written to the console so far, without terminal control codes."""
        text = (self.directory / "console").read_text(errors="replace")
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text)

    @property
    def reports(self) -> list[str]:
        """The boot script's own lines on the console, without the copies that cloud-init's log adds."""
        lines = (line for line in self.console.splitlines() if not line.startswith("cloud-init["))
        # A login prompt may stand before it on the line.
        return [report for _, mark, report in (line.partition("cmlkit: ") for line in lines) if mark]

    def file(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def install_user_data(self, tarball: Tarball, **changes: object) -> None:
        """Make this the container of a new instance: its runner at file:///srv, its user data in a NoCloud seed."""
        shutil.copy(tarball.path, self.file("/srv/runner.tgz"))
        values: dict[str, object] = {
            "cloud": first_boot(),
            "agent": runner_agent(),
            "credential": "aml0LWNvbmZpZw==",
            "runner_url": "file:///srv/runner.tgz",
            "runner_sha256": tarball.sha256,
            # Far away, so that a test which does not shorten one of them shows what works without it.
            "idle_timeout": 3600,
            "max_lifetime": 7200,
        }
        seed = self.file("/var/lib/cloud/seed/nocloud")
        seed.mkdir(parents=True)
        (seed / "meta-data").write_text(f"instance-id: {self.name}\n")
        (seed / "user-data").write_bytes(user_data(BootSpec(**(values | changes))))  # type: ignore[arg-type]

    def start(self, *arguments: str) -> None:
        """Start systemd in the container, or the program that `arguments` name."""
        # A cgroup each: with --keep-unit two containers in one cgroup would manage each other's services.
        self._cgroup.mkdir(exist_ok=True)
        enter = ["sh", "-c", 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"', "sh", str(self._cgroup)]
        nspawn = ["systemd-nspawn", "--quiet", f"--directory={self.root}", f"--machine={self.name}"]
        # Docker makes keyrings and filters of devices for each container; nspawn forbids that by default.
        nspawn.append("--system-call-filter=@keyring bpf")
        alone = ["--private-network", "--register=no", "--keep-unit", "--link-journal=no", "--console=read-only"]
        with (self.directory / "console").open("ab") as console:
            self.process = subprocess.Popen(
                [*enter, *nspawn, *alone, *(arguments or ["--boot"])],
                env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )

    def wait_for_end(self) -> int:
        """Return nspawn's exit code once the container is down: 0 after a power-off, REBOOT after a reboot."""
        assert self.process is not None
        try:
            return self.process.wait(BOOT_DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the container is still up; its console says:\n{self.console}") from None

    def run_to_end(self) -> int:
        self.start()
        return self.wait_for_end()

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        assert self.process is not None
        deadline = time.monotonic() + BOOT_DEADLINE_SECONDS
        while not condition():
            up = self.process.poll() is None and time.monotonic() < deadline
            assert up, f"{what} did not come; the console says:\n{self.console}"
            time.sleep(0.05)

    def _unplug(self, process: subprocess.Popen[bytes]) -> None:
        # All of them, also those that a killed nspawn leaves behind, or nothing could be unmounted.
        (self._cgroup / "cgroup.kill").write_text("1")
        process.wait(BOOT_DEADLINE_SECONDS)
        deadline = time.monotonic() + BOOT_DEADLINE_SECONDS
        while "populated 0" not in (self._cgroup / "cgroup.events").read_text() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _remove_cgroup(self) -> None:
        # On a host with version 1 hierarchies, nspawn makes the same directory in the one that systemd names.
        for mount in _cgroup_mounts("cgroup", "cgroup2"):
            for leftover in (self._cgroup, mount / self.name):
                for path, _, _ in os.walk(leftover, topdown=False):
                    Path(path).rmdir()


def require_containers(base: Path, directory: Path) -> None:
    """Raise CannotBoot with systemd-nspawn's own words where it cannot start even the smallest program."""
    try:
        with Container(base=base, directory=directory) as container:
            container.start("/bin/true")
            if status := container.wait_for_end():
                raise CannotBoot(f"systemd-nspawn cannot start a program here ({status}): {container.console}")
    except (RuntimeError, OSError) as error:
        raise CannotBoot(f"a container cannot be prepared here: {error}") from error
