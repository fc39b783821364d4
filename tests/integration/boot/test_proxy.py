"""A machine behind a proxy."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.integration.boot.machine import Machine
from tests.stand_in_runner import write_tarball

pytestmark = pytest.mark.slow


class Proxy(BaseHTTPRequestHandler):
    """A proxy for plain HTTP, which has the whole URL in the request line: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2"""

    content: bytes
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def a_proxy(content: bytes) -> Iterator[tuple[str, list[str]]]:
    """Yield the URL of a proxy that answers everything with `content`, and the list of what it was asked."""
    asked: list[str] = []
    handler = type("Answering", (Proxy,), {"content": content, "asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


SHOW_THE_PROXIES = "env | grep -i _proxy= | sort\n"


def test_a_proxy_serves_the_downloads_the_startup_script_and_the_job(machine: Machine, tmp_path: Path) -> None:
    # GitHub's runner, and curl, Python, apt and Go, read these from the environment:
    # https://docs.github.com/en/actions/how-tos/manage-runners/self-hosted-runners/use-proxy-servers
    tarball = write_tarball(tmp_path / "runner.tgz", worker=SHOW_THE_PROXIES)
    with a_proxy(tarball.path.read_bytes()) as (url, asked):
        machine.boot(
            tarball,
            runner_url="http://downloads.example/runner.tgz",
            startup_script=SHOW_THE_PROXIES,
            proxy=url,
            no_proxy=["mirror.internal", "10.0.0.0/8"],
        )
        machine.wait_for_power_off()
    assert asked == ["http://downloads.example/runner.tgz"]
    direct = "localhost,127.0.0.1,::1,169.254.169.254,fd00:ec2::254,mirror.internal,10.0.0.0/8"
    values = {"http_proxy": url, "https_proxy": url, "no_proxy": direct}
    for name, value in values.items():
        assert machine.console.splitlines().count(f"{name}={value}") == 2, "for the startup script, and for the job"
        assert machine.console.splitlines().count(f"{name.upper()}={value}") == 2


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_no_proxy_of_the_image_comes_between_the_machine_and_its_metadata_service(
    machine: Machine, tmp_path: Path, name: str
) -> None:
    machine.metadata["/latest/meta-data/instance-id"] = "i-0123456789abcdef0"
    with a_proxy(b"from the proxy") as (url, asked):
        machine.environ = {name: url, "no_proxy": "mirror.internal"}
        machine.boot(write_tarball(tmp_path / "runner.tgz", worker=SHOW_THE_PROXIES))
        machine.wait_for_power_off()
    assert asked == []
    assert "CMLKIT_INSTANCE_ID=i-0123456789abcdef0" in (machine.runner_directory / ".env").read_text()
    excepted = "localhost,127.0.0.1,::1,169.254.169.254,fd00:ec2::254,mirror.internal"
    assert f"no_proxy={excepted}" in machine.console
    assert f"HTTP_PROXY={url}" in machine.console


def test_without_a_proxy_no_variable_of_one_is_set(machine: Machine, tmp_path: Path) -> None:
    machine.boot(
        write_tarball(tmp_path / "runner.tgz", worker="env | grep -ci _proxy=\n"), no_proxy=["mirror.internal"]
    )
    machine.wait_for_power_off()
    assert "\n0\n" in machine.console
