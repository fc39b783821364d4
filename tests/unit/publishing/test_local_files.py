"""The local files that a report shows: where each is looked for, and why others are not published."""

from __future__ import annotations

import base64
import dataclasses
import os
from pathlib import Path

import pytest

from cmlkit.errors import SettingsError
from cmlkit.publishing.local_files import LocalFile, LocalFiles
from cmlkit.report.targets import Target
from tests.toys.forge import FACTS
from tests.unit.publishing.test_shown_files import PNG

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


def target(address: str, *, kind: str = "image", loose: bool = False) -> Target:
    return Target(address=address, kind=kind, line=1, start=0, end=len(address), is_loose=loose)  # type: ignore[arg-type]


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    """A checkout with a report in `reports`, that is written in `work`."""
    root = tmp_path / "checkout"
    for folder in ("reports", "work", ".git", "work/.cache"):
        (root / folder).mkdir(parents=True)
    return LocalFiles(
        root=root,
        directory=root / "work",
        limits=FACTS.limits.files,
        is_ignored=lambda path: path.name == "ignored.txt",
    )


def read(files: LocalFiles, address: str, **options: object) -> LocalFile | None:
    return files.read(target(address, **options), files.root / "reports")  # type: ignore[arg-type]


def refused(files: LocalFiles, address: str, *, kind: str = "image") -> str:
    with pytest.raises(SettingsError) as caught:
        read(files, address, kind=kind)
    return caught.value.message


@pytest.mark.parametrize(
    ("name", "address", "fragment"),
    [
        ("plot.png", "plot.png", ""),
        ("a b.png", "a%20b.png", ""),
        ("a%20b.png", "a%20b.png", ""),
        ("plot#1.png", "plot#1.png", ""),
        ("plot#1.png", "plot%231.png", ""),
        ("plot.png", "plot.png#left", "#left"),
        ("plot.png", "plot.png?raw=true", ""),
        ("plot.png", "plot.png?raw=true#left", "#left"),
        ("a b.png", "a%20b.png?v=1#left", "#left"),
    ],
)
@pytest.mark.parametrize("folder", ["reports", "work"])
def test_a_file_is_found_by_each_spelling_beside_the_report_or_in_the_working_directory(
    files: LocalFiles, folder: str, name: str, address: str, fragment: str
) -> None:
    (files.root / folder / name).write_bytes(PNG)
    assert read(files, address) == LocalFile(name=name, content=PNG, fragment=fragment)
    assert files.root / folder / name in files.paths(target(address), files.root / "reports")


def test_a_file_beside_the_report_comes_before_one_in_the_working_directory(files: LocalFiles) -> None:
    (files.root / "reports/a.svg").write_bytes(SVG)
    (files.root / "work/a.svg").write_bytes(PNG)
    assert read(files, "a.svg") == LocalFile(name="a.svg", content=SVG)


def test_a_picture_is_named_by_its_format_and_other_files_as_they_are(files: LocalFiles) -> None:
    (files.root / "work/plot.jpg").write_bytes(PNG)
    (files.root / "work/table.csv").write_bytes(b"a,b\n")
    assert read(files, "plot.jpg") == LocalFile(name="plot.png", content=PNG)
    expected = LocalFile(name="table.csv", content=b"a,b\n", fragment="#row=2")
    assert read(files, "table.csv#row=2", kind="link") == expected


@pytest.mark.parametrize(
    "address",
    ["https://example.com/a.png", "mailto:ann@example.com", "//example.com/a.png", "#top", "?page=2", "", "/a.png"],
)
def test_an_address_elsewhere_names_no_local_file(files: LocalFiles, address: str) -> None:
    assert read(files, address) is None
    is_path = address == "/a.png"
    assert bool(files.paths(target(address), files.root / "reports")) is is_path


@pytest.mark.parametrize("address", ["absent.png", "x" * 300, "a%00b.png"])
def test_a_file_that_does_not_exist_is_an_error_unless_the_text_may_be_no_address(
    files: LocalFiles, address: str
) -> None:
    assert refused(files, address) == "there is no such file"
    assert read(files, address, loose=True) is None


@pytest.mark.parametrize(
    ("path", "content", "kind", "why"),
    [
        ("work/a.txt", b"text", "image", "it is no PNG, JPEG, GIF, WebP or SVG picture"),
        ("work/a.png", b"text", "link", "a.png is not in PNG format: it begins with b'text'"),
        (".git/a.png", PNG, "image", "it lies in .git"),
        ("work/.GIT/a.png", PNG, "image", "it lies in .git"),
        ("../outside.png", PNG, "image", "it lies outside of the checkout"),
        ("work/.cache/a.txt", b"text", "link", "it is hidden, and no picture"),
        ("work/.env", b"text", "link", "it is hidden, and no picture"),
        (
            "work/ignored.txt",
            b"text",
            "link",
            "git ignores it, and it is no picture; name it to `cmlkit asset publish`",
        ),
    ],
)
def test_a_file_that_nobody_meant_to_publish_is_refused(
    files: LocalFiles, path: str, content: bytes, kind: str, why: str
) -> None:
    file = files.root / path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    assert refused(files, f"../{path}", kind=kind) == why


def test_a_picture_may_be_hidden_or_ignored(files: LocalFiles) -> None:
    (files.root / "work/.cache/plot.png").write_bytes(PNG)
    everything_ignored = dataclasses.replace(files, is_ignored=lambda path: True)
    assert read(everything_ignored, ".cache/plot.png") == LocalFile(name="plot.png", content=PNG)


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----",
        '{"type": "service_account"}',
        '{"type":"authorized_user"}',
        "token: ghp_" + "a1B2" * 9,
        "github_pat_" + "a" * 22,
        "AKIA" + "A1" * 8,
        "AWS_SECRET_ACCESS_KEY=x",
    ],
)
def test_a_file_with_a_key_is_refused_wherever_it_stands_in_it(files: LocalFiles, secret: str) -> None:
    (files.root / "work/log.txt").write_text(f"first line\n{secret}\nlast line\n")
    assert refused(files, "log.txt", kind="link") == "it contains a key or a token"


def test_a_file_of_the_limit_for_git_is_shown_and_a_larger_one_is_refused(files: LocalFiles) -> None:
    limit = 40 * 1024**2
    for name, size in (("a.png", limit), ("b.png", limit + 2**19)):
        (files.root / "work" / name).write_bytes(PNG)
        os.truncate(files.root / "work" / name, size)
    bounded = dataclasses.replace(files, limits=dataclasses.replace(files.limits, git=limit))
    assert refused(bounded, "b.png") == "it has 40.5 MiB, and Toy Forge takes 40 MiB in git"
    found = read(bounded, "a.png")
    assert found is not None
    assert len(found.content) == limit


def test_a_folder_is_refused(files: LocalFiles) -> None:
    (files.root / "work/folder").mkdir()
    assert refused(files, "folder", kind="link") == "it is a folder or a device"


def test_a_file_that_the_machine_cannot_read_is_refused_with_the_reason(files: LocalFiles) -> None:
    """The beginning of a process's memory is mapped for nobody, root included."""
    process = dataclasses.replace(files, root=Path("/proc/self"), directory=Path("/proc/self"))
    assert refused(process, "mem", kind="link") == "it cannot be read: Input/output error"


@pytest.mark.parametrize(
    ("address", "name", "content"),
    [
        (f"data:image/png;base64,{base64.b64encode(PNG).decode()}", "embedded.png", PNG),
        (f"DATA:image/PNG;charset=utf-8;BASE64,{base64.b64encode(PNG).decode()}", "embedded.png", PNG),
        (f"data:image/png;base64,%20{base64.encodebytes(PNG).decode()}", "embedded.png", PNG),
        ("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E", "embedded.svg", SVG.replace(b'"', b"'")),
    ],
)
def test_an_embedded_picture_is_a_file_of_its_format(
    files: LocalFiles, address: str, name: str, content: bytes
) -> None:
    assert read(files, address) == LocalFile(name=name, content=content)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("data:image/png;base64,!", "the embedded image/png is not base64"),
        ("data:image/PNG;base64,dGV4dA==", "the embedded image/PNG is no PNG picture"),
        ("data:image/x-unknown,text", "the embedded image/x-unknown is no known picture"),
    ],
)
def test_what_is_embedded_and_is_no_picture_is_refused(files: LocalFiles, address: str, why: str) -> None:
    assert refused(files, address) == why
