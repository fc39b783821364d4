"""The files of the commit: only regular files from inside the working directory, and none too large."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path, PurePosixPath

import pytest

from cmlkit.errors import ModelError, SettingsError
from cmlkit.forges.github import FACTS
from cmlkit.model.folder import parts_of
from cmlkit.model.manifest import tree_hash
from cmlkit.publishing.files import CommitFile, find_model, picture_fault, picture_suffix, plot_note, read_files
from cmlkit.records.training_run import DataFingerprint, Resources, TrainingRun
from cmlkit.stores.base import ModelFile
from cmlkit.stores.git import GitStore

LIMITS = FACTS.limits.files
MODEL, MANIFEST, METRICS, PLOT = "model/m.joblib", "model/m.joblib.json", "model/metrics.txt", "model/plot.png"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "work"
    for path in (MODEL, MANIFEST, METRICS, PLOT, "notes.md"):
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(path)
    return directory


def read(
    directory: Path, *, extra: tuple[str, ...] = (), model: str = MODEL, plot: str = PLOT, prefix: str = ""
) -> tuple[CommitFile, ...]:
    run, folder = trained(model=model, plot=plot), PurePosixPath(prefix)
    find_model(run, directory=directory, prefix=folder, store=GitStore(LIMITS), warn=print)
    return read_files(
        run, manifest=MANIFEST, extra=extra, directory=directory, prefix=folder, limits=LIMITS, warn=print
    )


def trained(*, model: str = MODEL, plot: str = PLOT) -> TrainingRun:
    return TrainingRun(
        mode="command", command="python train.py", metrics={"accuracy": 1.0}, metrics_files=(METRICS,), model=model,
        plots=(plot,), resources=Resources(wall_seconds=1, cpu_seconds=1, peak_memory_bytes=1), started=0.0,
    )  # fmt: skip


def test_every_file_is_read_once_with_its_role(directory: Path) -> None:
    files = read(directory, extra=("notes.md", "./model/plot.png"))
    assert [(file.role, file.path) for file in files] == [
        ("manifest", MANIFEST), ("metrics", METRICS), ("plot", PLOT), ("extra", "notes.md"),
    ]  # fmt: skip
    assert files[0].content == MANIFEST.encode()


def test_the_profiles_of_the_data_are_published_beside_the_manifest(directory: Path) -> None:
    (directory / f"{MODEL}.profiles.json").write_text("{}")
    data = DataFingerprint(path="t.csv", sha256="", size=1, profiles={"age": "400 1,2"})
    for run, roles in ((trained(), []), (dataclasses.replace(trained(), data=(data,)), ["profiles"])):
        files = read_files(
            run, manifest=MANIFEST, extra=(), directory=directory, prefix=PurePosixPath(), limits=LIMITS, warn=print
        )
        assert [file.role for file in files if file.path.endswith(".profiles.json")] == roles


def test_the_model_is_left_to_the_store_even_when_it_is_named_among_further_files(directory: Path) -> None:
    assert MODEL not in [file.path for file in read(directory, extra=(MODEL,))]


def test_the_model_is_hashed_in_its_place_in_the_repository(directory: Path) -> None:
    folder = PurePosixPath("projects/forest")
    model = find_model(trained(), directory=directory, prefix=folder, store=GitStore(LIMITS), warn=print)
    assert (model.path, model.files[0].size) == (f"projects/forest/{MODEL}", len(MODEL))
    assert model.sha256 == hashlib.sha256(MODEL.encode()).hexdigest()


def test_paths_of_a_subfolder_get_its_prefix(directory: Path) -> None:
    assert read(directory, prefix="projects/forest")[0].path == "projects/forest/model/m.joblib.json"


@pytest.mark.parametrize("path", ["/etc/hostname", "../secret", "model/../../secret", ".", ""])
def test_a_path_out_of_the_working_directory_is_refused(directory: Path, path: str) -> None:
    with pytest.raises(SettingsError, match="does not lie inside the working directory") as caught:
        read(directory, extra=(path,))
    assert caught.value.next_step == "Give paths relative to the working directory, without '..'."


@pytest.mark.parametrize("path", [".git/config", "model/.GIT/hooks"])
def test_a_path_into_git_is_refused(directory: Path, path: str) -> None:
    with pytest.raises(SettingsError, match=r"leads into \.git"):
        read(directory, extra=(path,))


@pytest.mark.parametrize("link", ["notes.link", "linked/secret"], ids=["a link to a file", "a link to a folder"])
def test_a_link_out_of_the_working_directory_is_refused(directory: Path, link: str) -> None:
    (directory.parent / "secret").write_text("s")
    (directory / "notes.link").symlink_to(directory.parent / "secret")
    (directory / "linked").symlink_to(directory.parent)
    with pytest.raises(SettingsError, match="symbolic link out of"):
        read(directory, extra=(link,))


def test_a_link_within_the_working_directory_stands_for_its_file(directory: Path) -> None:
    (directory / "latest").symlink_to("notes.md")
    assert read(directory, extra=("latest",))[-1].content == b"notes.md"


def test_a_missing_model_says_what_to_run(directory: Path) -> None:
    with pytest.raises(ModelError, match=r"The model file model/x\.joblib does not exist") as caught:
        read(directory, model="model/x.joblib")
    assert "cmlkit train" in caught.value.next_step


def test_a_missing_plot_names_the_setting(directory: Path) -> None:
    with pytest.raises(SettingsError, match="The plot file") as caught:
        read(directory, plot="model/roc.png")
    assert "train.plots" in caught.value.next_step


def test_a_folder_or_a_pipe_is_no_file(directory: Path) -> None:
    os.mkfifo(directory / "pipe")
    for path in ("model", "pipe"):
        with pytest.raises(SettingsError, match=f"^The extra file {path} is a folder or a device") as caught:
            read(directory, extra=(path,))
        assert "one by one" in caught.value.next_step


def test_a_model_over_githubs_limit_is_refused_before_it_is_read(directory: Path) -> None:
    with (directory / MODEL).open("wb") as file:
        file.truncate(LIMITS.git + 1)
    with pytest.raises(ModelError, match=r"model/m\.joblib has 100\.0 MiB; GitHub takes no file over 100 MiB"):
        read(directory)


def test_a_large_file_is_warned_of() -> None:
    assert GitStore(LIMITS).check("m", size=LIMITS.git_advised) == ""
    assert "m has 50 MiB: every clone" in GitStore(LIMITS).check("m", size=LIMITS.git_advised + 1)


def test_the_blob_id_is_gits() -> None:
    assert CommitFile(path="a", role="extra", content=b"hello\n").blob == "ce013625030ba8dba906f756967f9e9ca394464a"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n..."),
        ("a.JPG", b"\xff\xd8\xff\xe0..."),
        ("a.gif", b"GIF89a..."),
        ("a.webp", b"RIFF\x00\n\x00\x00WEBPVP8 "),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("a.svg", b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn -->\n<!DOCTYPE svg PUBLIC "x">\n<svg>'),
        ("a.pdf", b"%PDF-1.7"),
        ("notes.txt", b"anything"),
        ("README", b""),
    ],
)
def test_a_file_in_the_format_of_its_suffix_has_no_fault(name: str, content: bytes) -> None:
    assert picture_fault(name, content) == ""


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.png", b"<html>Not found</html>", "a.png is not in PNG format: it begins with b'<html>No'"),
        ("a.png", b"", "a.png is empty"),
        ("a.svg", b"<html><svg>", "a.svg is not in SVG format: it begins with b'<html><s'"),
        ("a.pdf", b"\x89PNG", "a.pdf is not in PDF format: it begins with b'\\x89PNG'"),
    ],
)
def test_a_picture_in_another_format_is_named_with_its_first_bytes(name: str, content: bytes, why: str) -> None:
    assert picture_fault(name, content) == why


@pytest.mark.parametrize(
    ("name", "content", "note"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n", ""),
        ("a.jpg", b"\x89PNG\r\n\x1a\n", ""),  # browsers draw it all the same
        ("a.JPEG", b"\xff\xd8\xff\xe0", ""),
        ("a.webp", b"RIFF\x00\x00\x00\x00WEBP", ""),
        ("a.png", b"RIFF\x00\n\x00\x00WEBP", ""),
        ("a.svg", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', ""),
        ("a.pdf", b"%PDF-1.7", ""),
        ("a.png", b"<!DOCTYPE html><html>404</html>", "it is not in PNG format"),
        ("a.png", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "it is not in PNG format"),
        ("a.svg", b"\x89PNG\r\n\x1a\n", "it is not in SVG format"),
        ("a.png", b"", "it is empty"),
        ("a.html", b"<html></html>", "it has the name of no PNG, JPEG, GIF, WebP or SVG picture"),
        ("plot", b"\x89PNG\r\n\x1a\n", "it has the name of no PNG, JPEG, GIF, WebP or SVG picture"),
        ("a.pdf", b"\x89PNG\r\n\x1a\n", "it is not in PDF format"),
    ],
)
def test_a_plot_is_shown_if_its_bytes_and_its_name_are_those_of_a_picture(name: str, content: bytes, note: str) -> None:
    """Types by https://www.iana.org/assignments/media-types; GitHub serves files by their suffix, with nosniff."""
    assert plot_note(name, content) == note


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (b"\x89PNG\r\n\x1a\n", ".png"),
        (b"\xff\xd8\xff\xe0", ".jpeg"),
        (b"GIF87a", ".gif"),
        (b"RIFF\x00\n\x00\x00WEBP", ".webp"),
        (b"<svg>", ".svg"),
        (b"<!--" + b" " * 70_000 + b"--><svg>", ""),
        (b"%PDF-1.7", ""),
        (b"text", ""),
        (b"", ""),
    ],
)
def test_a_picture_without_a_name_gets_the_suffix_of_its_format(content: bytes, suffix: str) -> None:
    assert picture_suffix(content) == suffix


class Store(GitStore):
    """A store that takes folders or does not, and warns of each model with its size."""

    def __init__(self, *, takes_folders: bool = False) -> None:
        super().__init__(LIMITS)
        self.takes_folders = takes_folders

    def check(self, path: str, *, size: int) -> str:
        return f"{path} has {size} bytes" if size > 2 else ""


PARTS = {"a.bin": b"aaa", "sub/b.bin": b"bbbbb", "tiny": b"t"}


@pytest.fixture
def folder(directory: Path) -> Path:
    for path, content in PARTS.items():
        (directory / "model/saved" / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / "model/saved" / path).write_bytes(content)
    return directory


@pytest.mark.parametrize(
    ("takes_folders", "kept", "is_whole", "warnings"),
    [
        (True, "", True, ["p/model/saved has 9 bytes"]),
        (True, "p/model/saved", False, ["p/model/saved/a.bin has 3 bytes", "p/model/saved/sub/b.bin has 5 bytes"]),
        (False, "", False, ["p/model/saved/a.bin has 3 bytes", "p/model/saved/sub/b.bin has 5 bytes"]),
        (False, "p/model/saved/a.bin", False, ["p/model/saved/sub/b.bin has 5 bytes"]),
    ],
    ids=["a store for folders", "a folder that DVC keeps", "a store for files", "a file that DVC keeps"],
)
def test_a_model_that_is_a_folder_is_stored_whole_or_file_by_file(
    folder: Path, takes_folders: bool, kept: str, is_whole: bool, warnings: list[str]
) -> None:
    heard: list[str] = []
    model = find_model(
        trained(model="model/saved"), directory=folder, prefix=PurePosixPath("p"),
        store=Store(takes_folders=takes_folders), warn=heard.append, keeps=lambda path: path == kept,
    )  # fmt: skip
    place, top = "p/model/saved", folder / "model/saved"
    whole = tree_hash(parts_of(top))
    assert (model.path, model.sha256) == (place, whole)
    assert model.files == (
        (ModelFile(path=place, file=top, sha256=whole, size=9),)
        if is_whole
        else tuple(
            ModelFile(
                path=f"{place}/{path}", file=top / path, sha256=hashlib.sha256(content).hexdigest(), size=len(content)
            )
            for path, content in PARTS.items()
        )
    )
    assert heard == warnings


@pytest.mark.parametrize(("kept", "is_warned_of"), [("", True), (f"p/{MODEL}", False)])
def test_a_model_that_is_one_file_is_checked_by_its_store_unless_dvc_keeps_it(
    directory: Path, kept: str, is_warned_of: bool
) -> None:
    heard: list[str] = []
    model = find_model(
        trained(), directory=directory, prefix=PurePosixPath("p"), store=Store(), warn=heard.append,
        keeps=lambda path: path == kept,
    )  # fmt: skip
    content = MODEL.encode()
    sha256 = hashlib.sha256(content).hexdigest()
    assert model.files == (ModelFile(path=f"p/{MODEL}", file=directory / MODEL, sha256=sha256, size=len(content)),)
    assert heard == [f"p/{MODEL} has {len(content)} bytes"] * is_warned_of


@pytest.mark.parametrize("takes_folders", [True, False])
def test_a_link_out_of_a_model_folder_is_refused(folder: Path, takes_folders: bool) -> None:
    (folder.parent / "secret").write_text("s")
    (folder / "model/saved/leak").symlink_to(folder.parent / "secret")
    with pytest.raises(ModelError, match=r"^The model file model/saved/leak is a symbolic link out of"):
        find_model(
            trained(model="model/saved"), directory=folder, prefix=PurePosixPath(),
            store=Store(takes_folders=takes_folders), warn=print,
        )  # fmt: skip


def heard_of(directory: Path, *, extra: tuple[str, ...] = (), kept: str = "") -> tuple[list[str], list[str]]:
    """Return the paths that are read from a subfolder of the repository, and the warnings."""
    heard: list[str] = []
    limits = dataclasses.replace(LIMITS, git=2**21, git_advised=2**20)
    files = read_files(
        trained(), manifest=MANIFEST, extra=extra, directory=directory, prefix=PurePosixPath("p"), limits=limits,
        warn=heard.append, keeps=lambda path: path == kept,
    )  # fmt: skip
    return [file.path for file in files], heard


def test_only_plots_that_the_report_cannot_show_are_warned_of(directory: Path) -> None:
    (directory / "notes.html").write_text("<html>")
    _, heard = heard_of(directory, extra=("notes.html",))
    assert heard == [f"The report links the plot p/{PLOT} and does not show it: it is not in PNG format."]
    (directory / PLOT).write_bytes(b"\x89PNG\r\n\x1a\n")
    assert heard_of(directory)[1] == []


def test_what_dvc_keeps_is_neither_read_nor_warned_of(directory: Path) -> None:
    assert heard_of(directory, kept=f"p/{PLOT}") == ([f"p/{MANIFEST}", f"p/{METRICS}"], [])


def test_a_further_file_that_is_large_for_git_is_named_and_one_that_is_too_large_refused(directory: Path) -> None:
    (directory / PLOT).write_bytes(b"\x89PNG\r\n\x1a\n")
    (directory / "notes.md").write_bytes(b"n" * (2**20 + 1))
    paths, heard = heard_of(directory, extra=("notes.md",))
    assert paths[-1] == "p/notes.md"
    assert len(heard) == 1
    assert heard[0].startswith("p/notes.md has 1 MiB")
    (directory / "notes.md").write_bytes(b"n" * (2**21 + 1))
    with pytest.raises(ModelError, match=r"p/notes\.md has 2\.0 MiB; GitHub takes no file over 2 MiB"):
        heard_of(directory, extra=("notes.md",))


def test_a_file_that_cannot_be_read_is_named_with_the_reason(directory: Path) -> None:
    (directory / "a").symlink_to("b" * 300)
    with pytest.raises(SettingsError, match=r"^The extra file a cannot be read: File name too long\."):
        read(directory, extra=("a",))
