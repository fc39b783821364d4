"""Pipelines of DVC, in the forms that its documentation of dvc.yaml shows."""

from __future__ import annotations

import yaml

from cmlkit import pipeline

DECLARED = b"""
vars: [{name: forest}]
stages:
  prepare:
    cmd: python prepare.py
    wdir: src
    deps: [prepare.py, ../raw]
    outs: [../features]
  train:
    foreach: [small, large]
    do:
      cmd: python train.py ${item}
      deps: [features, train.py, s3://bucket/file]
      outs: ["model/${item}.pkl"]
      metrics: ["model/${item}.json": {cache: false}]
      plots: ["plots": {x: a}]
"""
LOCKED = b"""
schema: '2.0'
stages:
  prepare: {cmd: x, outs: [{path: ../features, md5: abc.dir, size: 6, nfiles: 2}]}
  train@small: {cmd: x, outs: [{path: model/small.pkl, md5: def, size: 4}, {path: model/small.json, md5: eee}]}
  gone: {cmd: x, outs: [{path: old.pkl, md5: fff}]}
"""
FILES = {"dvc.yaml": DECLARED, "dvc.lock": LOCKED}


def owner(path: str) -> pipeline.Output | None:
    return pipeline.owner(path, FILES.get)


def test_an_output_is_found_by_its_path_its_folder_and_its_template() -> None:
    found = {path: owner(path) for path in ("features", "features/a/b.csv", "model/small.pkl", "plots/a.png")}
    assert {path: item.stage for path, item in found.items() if item} == {
        "features": "prepare",
        "features/a/b.csv": "prepare",
        "model/small.pkl": "train@small",
        "plots/a.png": "train",
    }
    model = found["model/small.pkl"]
    assert model
    assert (model.md5, model.size, model.is_kept, model.lock) == ("def", 4, True, "dvc.lock")


def test_what_git_is_to_keep_and_what_no_stage_writes_any_more_is_not_dvcs() -> None:
    metrics = owner("model/small.json")
    assert metrics
    assert (metrics.kind, metrics.is_kept) == ("metrics", False)
    assert owner("old.pkl") is None
    assert owner("train.py") is None


def test_a_pipeline_may_lie_in_a_folder_around_the_file() -> None:
    there = {f"work/{name}": content for name, content in FILES.items()}
    found = pipeline.owner("work/model/small.pkl", there.get)
    assert found
    assert found.lock == "work/dvc.lock"


def test_what_the_pipeline_reads_and_does_not_write() -> None:
    assert pipeline.dependencies(FILES.get) == ("src/prepare.py", "raw", "train.py")


def test_other_files_of_that_name_are_no_pipeline() -> None:
    for content in (b"", b"- a", b"stages: 3", b"stages: {a: 3}", b": :\n  -", b"stages: {a: {outs: x}}"):
        assert pipeline.outputs({"dvc.yaml": content}.get) == ()


def lock(**stages: str) -> bytes:
    return yaml.safe_dump({"schema": "2.0", "stages": {name: {"cmd": cmd} for name, cmd in stages.items()}}).encode()


def merged(base: bytes | None, before: bytes | None, after: bytes) -> dict[str, str]:
    document = yaml.safe_load(pipeline.merged_lock(base, before=before, after=after))
    assert document["schema"] == "2.0"
    return {name: stage["cmd"] for name, stage in document["stages"].items()}


def test_a_lock_file_is_committed_as_dvc_wrote_it_if_nobody_else_changed_it() -> None:
    after = b"schema: '2.0'\nstages:   {}\n"
    for base in (None, lock(a="1"), after):
        assert pipeline.merged_lock(base, before=lock(a="1"), after=after) == after


def test_only_the_stages_that_a_run_changed_are_brought_to_a_lock_file_that_others_changed() -> None:
    before = lock(prepare="1", train="1", gone="1")
    base = lock(prepare="theirs", train="1", gone="1", other="theirs")
    after = lock(prepare="1", train="ours", new="ours")
    assert merged(base, before, after) == {"prepare": "theirs", "train": "ours", "other": "theirs", "new": "ours"}
    assert pipeline.merged_lock(base, before=before, after=before) == base


def test_a_lock_file_that_a_merge_by_hand_broke_is_replaced() -> None:
    assert merged(b"<<<<<<< HEAD\nstages: [\n", lock(a="1"), lock(a="2")) == {"a": "2"}


def test_no_other_tool_may_write_into_a_folder_that_dvc_keeps() -> None:
    found = pipeline.in_kept_folder("features/model.json", FILES.get)
    assert found is not None
    assert found.path == "features"
    for path in ("features", "model/small.json", "elsewhere/a"):
        assert pipeline.in_kept_folder(path, FILES.get) is None


def test_the_dvc_file_for_an_output_has_all_that_its_lock_file_says_and_its_remote() -> None:
    entry = {"path": "../out/m.pkl", "hash": "md5", "md5": "abc", "size": 3, "cloud": {"eu": {"version_id": "7"}}}
    declared = {"stages": {"train": {"cmd": "x", "wdir": "src", "outs": [{"../out/m.pkl": {"remote": "eu"}}]}}}
    files = {
        "dvc.yaml": yaml.safe_dump(declared).encode(),
        "dvc.lock": yaml.safe_dump({"stages": {"train": {"outs": [entry]}}}).encode(),
    }
    found = pipeline.owner("out/m.pkl", files.get)
    assert found is not None
    (out,) = yaml.safe_load(pipeline.as_dvc_file(found))["outs"]
    assert out == {**entry, "path": "m.pkl", "remote": "eu"}
