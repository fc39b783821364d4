"""The files of the commit: only regular files from inside the working directory, and none too large."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path, PurePosixPath

import pytest

from cmlkit.errors import ModelError, SettingsError
from cmlkit.forges.github import FACTS
from cmlkit.publishing.files import CommitFile, find_model, picture_fault, plot_note, read_files
from cmlkit.records.training_run import DataFingerprint, Resources, TrainingRun
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
    with pytest.raises(SettingsError, match="does not lie inside the working directory"):
        read(directory, extra=(path,))


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
        with pytest.raises(SettingsError, match="a folder or a device"):
            read(directory, extra=(path,))


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
