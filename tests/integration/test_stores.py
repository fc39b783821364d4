"""Models that lie outside of git: published to Git LFS and S3, pulled in a clone, and loaded there."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pytest

from cmlkit.__main__ import run
from cmlkit.errors import ModelError, NotFound, PermissionDenied, SettingsError
from cmlkit.git.access import access_of
from cmlkit.model.loading import load_model
from cmlkit.publishing.publication import Publication
from cmlkit.registry.promotion import promote
from cmlkit.registry.pulling import pull_model
from cmlkit.stores import s3
from cmlkit.stores.base import ModelFile, hashed
from cmlkit.stores.pointer import read_pointer
from cmlkit.training.champion import kept_champion
from tests.bucket import bucket
from tests.integration.project import MANIFEST, MODEL, REPOSITORY, TOKEN, Project, QuickClock, project

BUCKET = "s3://models/forest"
PART_BYTES = 5 * 1024**2  # the least that S3 takes
# Every process that meets it starts an S3 of its own.
IN_S3 = pytest.param(BUCKET, marks=pytest.mark.slow)


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def s3_client() -> Iterator[Any]:
    with bucket("models") as client:
        yield client


@pytest.fixture(autouse=True)
def _s3_where_it_is_named(request: pytest.FixtureRequest) -> None:
    callspec = getattr(request.node, "callspec", None)
    if callspec is not None and callspec.params.get("store") == BUCKET:
        request.getfixturevalue("s3_client")


@pytest.fixture
def lfs_objects(there: Project) -> Path:
    return Path(there.repository.git.path) / "lfs" / "objects"


def clone(there: Project, folder: Path, branch: str) -> Path:
    environ = {**os.environ, "GIT_LFS_SKIP_SMUDGE": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    address = f"{there.github.url}/{REPOSITORY}.git"
    subprocess.run(["git", "clone", "--quiet", "--branch", branch, address, folder], check=True, env=environ)
    return folder


def git_status(folder: Path) -> list[str]:
    command = ["git", "status", "--porcelain"]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.splitlines()


def content(there: Project, published: Publication, path: str = MODEL) -> str:
    return there.git("show", f"{published.branch}:{path}")


def dumped(value: object, folder: Path) -> bytes:
    file = folder / "dumped.joblib"
    joblib.dump(value, file)
    return file.read_bytes()


# Publishing


def test_lfs_has_the_bytes_and_the_commit_the_pointer_that_git_lfs_knows(there: Project, lfs_objects: Path) -> None:
    published = there.publish(there.trained(0.9), store="lfs")
    sha256, size = published.model_sha256, len(b"model of 0.9")
    assert content(there, published) == (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
    )
    assert content(there, published, ".gitattributes") == f"/{MODEL} filter=lfs diff=lfs merge=lfs -text\n"
    assert (lfs_objects / sha256[:2] / sha256[2:4] / sha256).read_bytes() == b"model of 0.9"
    assert MODEL in published.files
    assert f"cmlkit model pull {MODEL}  # from lfs" in published.report


def test_attributes_that_cover_the_model_already_stay_as_they_are(there: Project) -> None:
    there.commit_to("main", {".gitattributes": "*.joblib filter=lfs diff=lfs merge=lfs -text\n"})
    published = there.publish(there.trained(0.9), store="lfs")
    assert content(there, published, ".gitattributes") == "*.joblib filter=lfs diff=lfs merge=lfs -text\n"


@pytest.mark.slow
def test_s3_has_the_bytes_under_their_hash_and_the_commit_says_which_version(there: Project, s3_client: Any) -> None:
    published = there.publish(there.trained(0.9), store=BUCKET)
    key = f"forest/{published.model_sha256}/m.joblib"
    found = s3_client.get_object(Bucket="models", Key=key)
    assert json.loads(content(there, published)) == {
        "cmlkit-pointer": 1,
        "url": f"s3://models/{key}",
        "version_id": found["VersionId"],
        "size": 12,
        "sha256": published.model_sha256,
    }
    assert found["Body"].read() == b"model of 0.9"


@pytest.mark.slow
@pytest.mark.parametrize("store", ["git", "lfs", IN_S3])
def test_the_model_that_the_base_branch_has_is_no_news(there: Project, store: str) -> None:
    published = there.publish(there.trained(0.9), store=store)
    assert published.pull_request_number is not None
    there.merge(published.pull_request_number)
    assert not there.publish(there.trained(0.9), run_id="101", store=store).changed


@pytest.mark.slow
def test_a_model_that_moves_to_another_store_is_news(there: Project) -> None:
    published = there.publish(there.trained(0.9))
    assert published.pull_request_number is not None
    there.merge(published.pull_request_number)
    assert there.publish(there.trained(0.9), run_id="101", store="lfs").changed


@pytest.mark.slow
@pytest.mark.parametrize("store", ["git", IN_S3])
def test_the_entry_of_git_lfs_goes_with_the_store(there: Project, store: str) -> None:
    there.commit_to("main", {".gitattributes": "*.png binary\n"})
    there.merge(there.publish(there.trained(0.9), store="lfs").pull_request_number or 0)
    published = there.publish(there.trained(0.9), run_id="101", store=store)
    assert content(there, published, ".gitattributes") == "*.png binary\n"


@pytest.mark.slow
def test_what_dvc_left_beside_the_model_goes_with_the_store(there: Project) -> None:
    there.commit_to("main", {f"{MODEL}.dvc": "outs: []\n"})
    for run_id, token in (("100", TOKEN), ("101", "ghp_person")):
        published = there.publish(there.trained(0.9), run_id=run_id, store="lfs", forge=there.client(token=token))
        assert f"{MODEL}.dvc" not in there.files(published.branch)


@pytest.mark.slow
def test_a_publish_again_uploads_nothing(there: Project, s3_client: Any) -> None:
    for run_id in ("100", "101"):
        there.publish(there.trained(0.95), run_id=run_id, store=BUCKET, on_existing="keep")
    listed = s3_client.list_object_versions(Bucket="models")["Versions"]
    sizes = [item for item in listed if item["Key"].startswith(f"forest/{hashed(there.directory / MODEL)[0]}")]
    assert len(sizes) == 1


def test_an_upload_that_failed_is_tried_again(there: Project) -> None:
    there.github.faults.add("PUT", "/info/lfs/objects", status=503)
    published = there.publish(there.trained(0.9), store="lfs")
    assert [item.status for item in there.github.requests if item.method == "PUT"] == [503, 200]
    assert "oid sha256" in content(there, published)


def test_nothing_is_committed_where_the_store_refuses(there: Project) -> None:
    there.github.add_token("ghs_reads", "ann", permissions={"contents": "read", "pull_requests": "write"})
    with pytest.raises(PermissionDenied, match="Asking Git LFS for an upload") as caught:
        there.publish(there.trained(0.9), store="lfs", forge=there.client(token="ghs_reads"))
    assert "contents: write" in caught.value.next_step
    assert there.branches() == {"main"}


@pytest.mark.slow
def test_a_bucket_that_is_not_there_names_the_setting(there: Project, s3_client: Any) -> None:
    with pytest.raises(SettingsError, match="NoSuchBucket") as caught:
        there.publish(there.trained(0.9), store="s3://no-such-bucket/x")
    assert "publish.store" in caught.value.next_step
    assert there.branches() == {"main"}


@pytest.mark.slow
def test_an_object_under_the_key_that_is_not_the_model_is_replaced(s3_client: Any, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"the model")
    sha256, size = hashed(tmp_path / "m")
    key = f"forest/{sha256}/m"
    s3_client.put_object(
        Bucket="models", Key=key, Body=b"something", Metadata={"sha256": sha256}, ChecksumAlgorithm="SHA256"
    )
    model = ModelFile(path="m", file=tmp_path / "m", sha256=sha256, size=size)
    s3.S3Store(BUCKET).put(model, there={}, read=lambda path: None, say=lambda text: None)
    assert s3_client.get_object(Bucket="models", Key=key)["Body"].read() == b"the model"


@pytest.mark.slow
@pytest.mark.parametrize("parts", [1, 2.5])
def test_a_large_model_goes_to_s3_in_parts_whose_checksums_are_known_before(
    s3_client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: float
) -> None:
    monkeypatch.setattr(s3, "PART_BYTES", PART_BYTES)
    monkeypatch.setattr(s3, "PIECES_IN_A_PART", 5)
    file = tmp_path / "large"
    file.write_bytes(os.urandom(int(parts * PART_BYTES)))
    sha256, size = hashed(file)
    said: list[str] = []
    model = ModelFile(path="large", file=file, sha256=sha256, size=size)
    s3.S3Store(BUCKET).put(model, there={}, read=lambda path: None, say=said.append)
    assert said[-1].endswith("100 %")
    head = s3_client.head_object(Bucket="models", Key=f"forest/{sha256}/large")
    assert head["ETag"].strip('"').endswith(f"-{-(-size // PART_BYTES)}")


def test_a_file_that_changes_while_it_is_uploaded_is_refused(there: Project) -> None:
    run = there.trained(0.9)
    file = there.directory / MODEL
    original = hashed(file)
    file.write_bytes(b"model of 0.8")
    model = ModelFile(path=MODEL, file=file, sha256=original[0], size=original[1])
    from cmlkit.stores.lfs import LfsStore

    with pytest.raises(ModelError, match="changed while it was being published"):
        LfsStore(there.client().git_access, clock=QuickClock()).put(
            model, there={}, read=lambda path: None, say=lambda text: None
        )
    assert run.model == MODEL


# Pulling


@pytest.mark.slow
@pytest.mark.parametrize(
    ("store", "name"), [("git", "git"), ("lfs", "lfs"), pytest.param(BUCKET, "s3", marks=pytest.mark.slow)]
)
def test_a_clone_pulls_a_version_from_where_its_commit_says(
    there: Project, tmp_path: Path, store: str, name: str
) -> None:
    published = there.publish(there.trained(0.9), store=store)
    folder = clone(there, tmp_path / "clone", "main")
    pulled = pull_model(folder, model=MODEL, at=published.branch, output=folder / "out" / "m.joblib")
    assert (pulled.store, pulled.version) == (name, published.branch)
    assert (folder / "out" / "m.joblib").read_bytes() == b"model of 0.9"
    assert verify_matches(folder / "out" / "m.joblib")
    assert (folder / "out" / "m.joblib.json").read_text() == content(there, published, MANIFEST)


def verify_matches(file: Path) -> bool:
    from cmlkit.model.manifest import read_manifest

    return read_manifest(file).sha256 == hashed(file)[0]


@pytest.mark.slow
@pytest.mark.parametrize("store", ["lfs", IN_S3])
def test_a_pointer_is_replaced_by_the_model_and_found_there_afterwards(
    there: Project, tmp_path: Path, store: str
) -> None:
    published = there.publish(there.trained(0.9), store=store)
    folder = clone(there, tmp_path / "clone", published.branch)
    assert read_pointer((folder / MODEL).read_bytes())
    assert pull_model(folder, model=MODEL).store
    assert (folder / MODEL).read_bytes() == b"model of 0.9"
    assert pull_model(folder, model=MODEL).store == ""
    assert git_status(folder) == [f" M {MODEL}"]  # the manifest is as it was


def test_a_model_that_was_removed_from_the_working_tree_comes_back_from_its_commit(
    there: Project, tmp_path: Path
) -> None:
    published = there.publish(there.trained(0.9), store="lfs")
    folder = clone(there, tmp_path / "clone", published.branch)
    (folder / MODEL).unlink()
    assert pull_model(folder, model=MODEL).store == "lfs"


def test_a_model_that_was_trained_here_is_not_overwritten(there: Project, tmp_path: Path) -> None:
    published = there.publish(there.trained(0.9), store="lfs")
    folder = clone(there, tmp_path / "clone", published.branch)
    (folder / MODEL).write_bytes(b"my own")
    with pytest.raises(ModelError, match="a file that no commit has") as caught:
        pull_model(folder, model=MODEL, at="HEAD")
    assert "--force" in caught.value.next_step
    assert (folder / MODEL).read_bytes() == b"my own"
    assert pull_model(folder, model=MODEL, at="HEAD", force=True).store == "lfs"


@pytest.mark.parametrize("store", ["git", "lfs"])
def test_a_model_that_cannot_be_written_says_where(there: Project, tmp_path: Path, store: str) -> None:
    published = there.publish(there.trained(0.9), store=store)
    folder = clone(there, tmp_path / "clone", published.branch)
    with pytest.raises(ModelError, match=r"cannot be written to .*/config/m\.joblib"):
        pull_model(folder, model=MODEL, at="HEAD", output=folder / ".git" / "config" / "m.joblib")


@pytest.mark.parametrize("store", ["lfs", IN_S3])
def test_a_download_that_broke_off_goes_on_where_it_was(there: Project, tmp_path: Path, store: str) -> None:
    published = there.publish(there.trained(0.9), store=store)
    folder = clone(there, tmp_path / "clone", published.branch)
    part = folder / "model" / f".m.joblib.{published.model_sha256[:12]}.part"
    part.write_bytes(b"MODEL")
    with pytest.raises(ModelError, match="is not the model"):  # what was there counts, and is verified with the rest
        pull_model(folder, model=MODEL)
    assert not part.exists()
    part.write_bytes(b"model")
    pull_model(folder, model=MODEL)
    assert (folder / MODEL).read_bytes() == b"model of 0.9"


def test_a_connection_that_breaks_in_the_middle_is_taken_up_again(there: Project, tmp_path: Path) -> None:
    large = os.urandom(3 * 1024**2)
    published = there.publish(there.trained(0.9, content=large), store="lfs")
    folder = clone(there, tmp_path / "clone", published.branch)
    there.github.faults.add("GET", "/info/lfs/objects", truncate=True)
    pull_model(folder, model=MODEL)
    assert (folder / MODEL).read_bytes() == large
    # The second part only.
    assert [item.status for item in there.github.requests if "lfs/objects/" in item.path][-1] == 206


def test_bytes_that_are_not_the_models_never_take_its_place(there: Project, lfs_objects: Path, tmp_path: Path) -> None:
    published = there.publish(there.trained(0.9), store="lfs")
    sha256 = published.model_sha256
    (lfs_objects / sha256[:2] / sha256[2:4] / sha256).write_bytes(b"model of 0.8")
    folder = clone(there, tmp_path / "clone", published.branch)
    with pytest.raises(ModelError, match="It was deleted"):
        pull_model(folder, model=MODEL)
    assert read_pointer((folder / MODEL).read_bytes())
    hidden = [file.name for file in (folder / "model").iterdir() if file.name.startswith(".")]
    assert hidden == [".gitattributes"]


def test_an_object_that_is_gone_says_so(there: Project, lfs_objects: Path, tmp_path: Path) -> None:
    published = there.publish(there.trained(0.9), store="lfs")
    sha256 = published.model_sha256
    (lfs_objects / sha256[:2] / sha256[2:4] / sha256).unlink()
    folder = clone(there, tmp_path / "clone", published.branch)
    with pytest.raises(NotFound) as caught:
        pull_model(folder, model=MODEL)
    assert "train and publish again" in caught.value.next_step


def test_a_commit_without_the_model_says_how_to_find_one(there: Project, tmp_path: Path) -> None:
    folder = clone(there, tmp_path / "clone", "main")
    with pytest.raises(ModelError, match="has no manifest"):
        pull_model(folder, model=MODEL, at="HEAD")


def test_a_private_repository_opens_with_what_actions_checkout_left(tmp_path: Path) -> None:
    with project(tmp_path, private=True) as there:
        published = there.publish(there.trained(0.9), store="lfs")
        folder = tmp_path / "clone"
        credentials = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        header = f"http.{there.github.url}/.extraheader=AUTHORIZATION: basic {credentials}"
        address = f"{there.github.url}/{REPOSITORY}"
        subprocess.run(
            ["git", "-c", header, "clone", "--quiet", "--branch", published.branch, address, folder], check=True
        )
        with pytest.raises(PermissionDenied):
            pull_model(folder, model=MODEL)
        name, _, value = header.partition("=")
        subprocess.run(["git", "config", "--local", name, value], cwd=folder, check=True)
        assert pull_model(folder, model=MODEL).store == "lfs"
        assert TOKEN not in repr(access_of(folder))


def test_loading_a_pointer_downloads_the_model_once(there: Project, lfs_objects: Path, tmp_path: Path) -> None:
    published = there.publish(there.trained(0.9, content=dumped({"trees": 3}, tmp_path)), store="lfs")
    folder = clone(there, tmp_path / "clone", published.branch)
    assert load_model(folder / MODEL, cache=tmp_path / "cache") == {"trees": 3}
    sha256 = published.model_sha256
    (lfs_objects / sha256[:2] / sha256[2:4] / sha256).unlink()
    assert load_model(folder / MODEL, cache=tmp_path / "cache") == {"trees": 3}
    assert read_pointer((folder / MODEL).read_bytes())
    (tmp_path / "cache" / f"{sha256}.joblib").write_bytes(b"no longer it")
    with pytest.raises(NotFound):
        load_model(folder / MODEL, cache=tmp_path / "cache")


def test_the_command_takes_the_model_of_the_settings_in_the_version_that_is_in_production(
    there: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    published = there.publish(there.trained(0.9), store="lfs")
    promote(forge=there.client(token="ghp_person"), model=MODEL, to=published.branch)
    monkeypatch.chdir(clone(there, tmp_path / "clone", "main"))
    Path("cmlkit.yaml").write_text(f"train:\n  model: {MODEL}\n")
    command = ["model", "pull", "--at", "production", "--output", "build/model.joblib", "--json"]
    assert run(command, environ={"PATH": os.environ["PATH"]}) == 0
    assert json.loads(capsys.readouterr().out) == {
        "path": "build/model.joblib",
        "sha256": published.model_sha256,
        "size": 12,
        "version": "production 1",
        "store": "lfs",
    }
    assert Path("build/model.joblib").read_bytes() == b"model of 0.9"


def test_a_pointer_to_another_model_than_the_manifests_is_not_followed(there: Project, tmp_path: Path) -> None:
    published = there.publish(there.trained(0.9), store="lfs")
    folder = clone(there, tmp_path / "clone", published.branch)
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(text.replace(published.model_sha256, "0" * 64))
    with pytest.raises(ModelError, match="points to another model"):
        load_model(folder / MODEL)


def test_training_finds_the_champion_behind_its_pointer(
    there: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    published = there.publish(there.trained(0.9, content=dumped({"trees": 3}, tmp_path)), store="lfs")
    folder = clone(there, tmp_path / "clone", published.branch)
    with kept_champion(folder / MODEL, print) as champion:
        assert champion is not None
        assert hashed(champion.copy)[0] == champion.manifest.sha256 == published.model_sha256


def test_a_pointer_cannot_be_verified_and_says_how_the_model_comes_here(
    there: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published = there.publish(there.trained(0.9), store="lfs")
    folder = clone(there, tmp_path / "clone", published.branch)
    assert run(["model", "verify", str(folder / MODEL)], environ={"PATH": os.environ["PATH"]}) == 2
    error = capsys.readouterr().err
    assert "its bytes are in lfs" in error
    assert "cmlkit model pull" in error
