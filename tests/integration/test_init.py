"""`cmlkit init` in real repositories."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cmlkit.__main__ import run
from cmlkit.scaffold import templates
from tests import documented

WORKFLOW = Path(".github/workflows/train-on-ec2.yml")
ACTIONLINT = Path(sys.prefix) / "bin" / "actionlint"


@pytest.fixture
def project(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example's scripts in a repository of their own."""
    monkeypatch.delenv("AWS_REGION", raising=False)
    for name in ("train.py", "get_data.py", "requirements.txt"):
        (checkout / name).write_text((templates.example() / name).read_text())
    subprocess.run(["git", "remote", "add", "origin", "https://github.com/octo/forest.git"], cwd=checkout, check=True)
    return checkout


def init(*arguments: str) -> int:
    return run(["init", *arguments], environ=os.environ)


def files(project: Path) -> set[str]:
    found = (path.relative_to(project) for path in project.rglob("*") if path.is_file())
    return {str(path) for path in found if path.parts[0] != ".git"}


def test_two_files_are_written_and_the_rest_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(project)
    assert init() == 0
    assert files(project) - before == {"cmlkit.yaml", str(WORKFLOW)}
    said = capsys.readouterr().out
    assert "CMLKIT_RUNNER_TOKEN: https://github.com/octo/forest/settings/secrets/actions" in said
    assert "cmlkit access aws --write: " in said
    assert "AWS_ROLE_ARN: https://github.com/octo/forest/settings/variables/actions" in said
    assert run(["config", "show", "--json"], environ=os.environ) == 0
    assert json.loads(capsys.readouterr().out)["train.run"] == {"value": "python train.py", "source": "cmlkit.yaml:6"}


def test_what_was_not_found_is_told_with_the_default_that_stands(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("train.py").write_text("import joblib\n")
    assert init() == 0
    said = capsys.readouterr().out.partition("Not found:\n")[2]
    assert re.search(r"^ +model +the default stands: model/random_forest.joblib$", said, re.MULTILINE)
    assert re.search(r"^ +metrics +the default stands: model/metrics.txt$", said, re.MULTILINE)


def test_guesses_are_told_with_what_the_instance_will_lack(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    Path("train.py").write_text(
        "pd.read_csv('data/a.csv')\njoblib.dump(m, 'model.joblib')\nopen('metrics.json', 'w')\n"
    )
    Path(".gitignore").write_text("data/\n")
    Path("environment.yml").touch()
    Path("requirements.txt").touch()
    subprocess.run(["git", "checkout", "--quiet", "-b", "master"], cwd=checkout, check=True)
    assert init() == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "run python train.py (its name)" in said
    assert "model model.joblib (named in train.py)" in said
    assert f"region eu-west-1 (the template's; --region sets another; {WORKFLOW}:17)" in said
    assert "branch master (the current branch, as origin/HEAD is not known;" in said
    assert "Found and not used: environment.yml dependencies are those of requirements.txt" in said
    assert "The instance will lack: data/ git ignores it. One of: - dvc add data" in said
    assert init("--force", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [item["what"] for item in told["lacking"]] == ["data/"]
    assert {item["name"] for item in told["guessed"]} >= {"run", "model", "metrics", "region", "branch"}


def test_the_default_branch_of_the_remote_and_the_region_of_the_profile_are_taken(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profiles = tmp_path / "config"
    profiles.write_text("[default]\nregion = us-east-2\n[profile ml]\nregion = eu-central-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(profiles))
    monkeypatch.setenv("AWS_PROFILE", "ml")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    head = ["git", "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/develop"]
    subprocess.run(head, cwd=project, check=True)
    assert init("--workflow", "retrain-on-change.yml", "--json") == 0
    told = {item["name"]: item for item in json.loads(capsys.readouterr().out)["guessed"]}
    workflow = WORKFLOW.with_name("retrain-on-change.yml")
    assert (told["region"]["value"], told["region"]["because"]) == ("eu-central-1", "profile ml of the AWS CLI")
    assert told["branch"]["value"] == "develop"
    lines = workflow.read_text().splitlines()
    for name, text in (("region", "AWS_REGION: eu-central-1"), ("branch", "branches: [develop]")):
        file, _, line = told[name]["where"].partition(":")
        assert (file, lines[int(line) - 1].strip()) == (str(workflow), text)


@pytest.mark.parametrize("name", ["train-here.yml", "train-on-ec2.yml"])
def test_the_workflow_sets_up_the_python_that_the_project_asks_for(
    project: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    Path(".python-version").write_text("3.11.4\n")
    assert init("--workflow", name, "--json") == 0
    [told] = [item for item in json.loads(capsys.readouterr().out)["guessed"] if item["name"] == "python"]
    file, _, line = told["where"].partition(":")
    assert (told["value"], told["because"]) == ("3.11", ".python-version says 3.11.4")
    assert Path(file).read_text().splitlines()[int(line) - 1].strip() == 'python-version: "3.11"'
    Path(".python-version").write_text("2.7.18\n")
    assert init("--workflow", name, "--force") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Found and not used: .python-version it asks for Python 2.7.18" in said
    assert 'python-version: "3.12"' in Path(file).read_text()


def test_a_schedule_that_is_none_is_refused_before_anything_is_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(project)
    assert init("--schedule", "every day") == 2
    said = capsys.readouterr().err
    assert "The schedule 'every day' is not one of GitHub's" in said
    assert '"0 8 * * *" is daily at 08:00 UTC' in said
    assert files(project) == before


def test_of_several_scripts_none_is_chosen(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("churn", "fraud"):
        Path(name).mkdir()
        Path(name, "train.py").touch()
    assert init() == 2
    said = capsys.readouterr().err
    assert "none stands out: python churn/train.py, python fraud/train.py." in said
    assert 'cmlkit init --run "python churn/train.py"' in said
    assert files(checkout) == {"churn/train.py", "fraud/train.py"}


@pytest.fixture
def churn(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a folder of a repository."""
    folder = project / "models" / "churn"
    folder.mkdir(parents=True)
    for path in files(project):
        (project / path).rename(folder / path)
    monkeypatch.chdir(folder)
    return folder


def test_below_the_root_the_workflow_is_written_at_the_root_and_runs_in_the_folder(project: Path, churn: Path) -> None:
    before = files(project)
    assert init("--on", "hosted") == 0
    new = ".github/workflows/train-here-models-churn.yml"
    assert files(project) - before == {"models/churn/cmlkit.yaml", new}
    assert yaml.safe_load(Path("cmlkit.yaml").read_text())["train"]["run"] == "python train.py"
    workflow = yaml.safe_load((project / new).read_text())
    assert workflow["name"] == "Train here (models/churn)"
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    ours = [step["with"]["working-directory"] for step in steps if step["uses"] == templates.ACTION]
    assert ours == ["models/churn"] * 3


def test_below_the_root_nothing_is_written_through_a_link_out_of_the_repository(
    project: Path, churn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (project / ".github").symlink_to(elsewhere)
    assert init("--on", "hosted") == 2
    assert "out of the project" in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


@pytest.mark.slow
def test_every_template_of_a_project_works_below_the_root(project: Path, churn: Path) -> None:
    arguments = [word for name in templates.OF_ONE_PROJECT for word in ("--workflow", name)]
    assert init(*arguments) == 0
    written = sorted((project / ".github/workflows").iterdir())
    assert len(written) == len(templates.OF_ONE_PROJECT)
    done = subprocess.run([ACTIONLINT, *written], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    for path in written:
        # The job that is a comment needs no checkout, and so no folder in it.
        text = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
        assert text.count("command: ") == text.count("working-directory: models/churn")
        assert text.count(".cmlkit/checkpoint") == text.count("models/churn/.cmlkit/checkpoint")
    filters = yaml.safe_load((project / ".github/workflows/retrain-on-change-models-churn.yml").read_text())[True][
        "push"
    ]
    assert filters["paths"][:2] == ["models/churn/data/**", "models/churn/**.py"]
    assert filters["paths"][-1] == ".github/workflows/retrain-on-change-models-churn.yml"


@pytest.mark.parametrize(
    ("folder", "template", "said"),
    [
        ("models/churn", "reap.yml", "reap.yml is for the whole repository, and not for models/churn."),
        ("$(touch made)", "train-here.yml", "has letters in its name that mean something else in a workflow"),
        ("it's", "train-here.yml", "has letters in its name that mean something else in a workflow"),
    ],
)
def test_what_cannot_be_written_for_a_folder_is_refused_with_the_way_out(
    checkout: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    folder: str,
    template: str,
    said: str,
) -> None:
    Path(folder).mkdir(parents=True)
    Path(folder, "train.py").touch()
    monkeypatch.chdir(folder)
    before = files(checkout)
    assert init("--workflow", template) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert files(checkout) == before


def test_a_command_to_type_is_one_argument_whatever_is_in_its_names(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("$(touch made)", "fraud"):
        Path(name).mkdir()
        Path(name, "train.py").touch()
    assert init() == 2
    typed = re.search(r"next: Say which: (.*)\.$", capsys.readouterr().err, re.MULTILINE)
    assert typed
    shown = subprocess.run(["sh", "-c", f"printf '%s,' {typed[1]}"], capture_output=True, text=True, check=True).stdout
    assert shown == "cmlkit,init,--run,python '$(touch made)/train.py',"
    assert not (checkout / "made").exists()


@pytest.mark.parametrize("arguments", [(), ("--force",)])
def test_a_link_out_of_the_project_is_not_written_through(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    other = tmp_path / "other"
    (other / "workflows").mkdir(parents=True)
    Path(".github").symlink_to(other)
    assert init(*arguments) == 2
    said = capsys.readouterr().err
    assert f"A link leads {WORKFLOW} out of the project, to {other}/workflows; nothing was written." in said
    assert not Path("cmlkit.yaml").exists()
    assert list((other / "workflows").iterdir()) == []


def test_files_that_no_setting_can_name_are_left_out_and_that_is_said(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("roc\n::add-mask::a.png").touch()
    Path(os.fsdecode(b"caf\xe9.png")).touch()
    Path("roc.png").touch()
    assert init() == 0
    said = capsys.readouterr().err
    assert "warning: 'caf\\udce9.png' and 1 more left out: cmlkit.yaml cannot name such files." in said
    assert run(["config", "show", "--json"], environ=os.environ) == 0
    assert json.loads(capsys.readouterr().out)["train.plots"]["value"] == ["roc.png", "model/confusion_matrix.png"]


def test_flags_are_written_down(project: Path) -> None:
    flags = ["--cpus", "4", "--region", "eu-north-1", "--schedule", "0 6 * * 1", "--gate", "accuracy >= 0.9"]
    assert init(*flags, "--run", "make train", "--auth", "keys") == 0
    settings = yaml.safe_load(Path("cmlkit.yaml").read_text())
    assert settings["runner"] == {"cpus": 4, "region": ["eu-north-1"]}
    assert settings["train"]["run"] == "make train"
    assert settings["gate"] == ["accuracy >= 0.9"]
    workflow = WORKFLOW.with_name("train-on-ec2-with-keys.yml").read_text()
    assert 'cron: "0 6 * * 1"' in workflow
    assert "AWS_REGION: eu-north-1" in workflow


def test_without_a_cloud_two_files_are_written_and_two_steps_remain(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(project)
    assert init("--on", "hosted", "--json") == 0
    assert files(project) - before == {"cmlkit.yaml", ".github/workflows/train-here.yml"}
    assert json.loads(capsys.readouterr().out)["steps"] == [
        "Allow GitHub Actions to create pull requests: https://github.com/octo/forest/settings/actions",
        "Commit the files and push them",
    ]


def test_the_example_without_a_cloud_says_nothing_of_instances(checkout: Path) -> None:
    assert init("--on", "hosted", "--example") == 0
    written = yaml.safe_load(Path("cmlkit.yaml").read_text())
    assert written == {
        name: section
        for name, section in yaml.safe_load((templates.example() / "cmlkit.yaml").read_text()).items()
        if name != "runner"
    }


@pytest.mark.parametrize("flag", [["--cpus", "4"], ["--auth", "keys"], ["--workflow", "reap.yml"]])
def test_what_is_said_of_an_instance_is_refused_without_one(
    project: Path, capsys: pytest.CaptureFixture[str], flag: list[str]
) -> None:
    assert init("--on", "hosted", *flag) == 2
    assert f"{flag[0]} cannot be used with --on hosted" in capsys.readouterr().err
    assert not Path("cmlkit.yaml").exists()


def test_all_templates_are_written_as_workflows_that_github_takes(project: Path) -> None:
    arguments = [word for name in templates.workflow_names() for word in ("--workflow", name)]
    assert init(*arguments, "--region", "eu-north-1", "--schedule", "0 6 * * 1") == 0
    written = sorted(Path(".github/workflows").iterdir())
    assert [path.name for path in written] == templates.workflow_names()
    done = subprocess.run([ACTIONLINT, *written], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_nothing_is_overwritten_and_then_nothing_is_written(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    WORKFLOW.parent.mkdir(parents=True)
    WORKFLOW.write_text("mine\n")
    assert init() == 2
    assert f"{WORKFLOW} exists already with other content; nothing was written" in capsys.readouterr().err
    assert WORKFLOW.read_text() == "mine\n"
    assert not Path("cmlkit.yaml").exists()
    assert init("--force") == 0
    assert WORKFLOW.read_text() != "mine\n"


def test_settings_that_are_there_stay_while_a_workflow_is_added(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init() == 0
    Path("cmlkit.yaml").write_text("train: {run: python mine.py}\n")
    capsys.readouterr()
    assert init("--workflow", "reap.yml") == 0
    out, err = capsys.readouterr()
    assert "unchanged  cmlkit.yaml" in out
    assert "warning" not in err
    assert init("--run", "python other.py", "--gate", "accuracy > 0") == 0
    assert "cmlkit.yaml exists and was kept, without --run, --gate" in capsys.readouterr().err
    assert Path("cmlkit.yaml").read_text() == "train: {run: python mine.py}\n"
    assert WORKFLOW.with_name("reap.yml").exists()


def test_without_a_script_it_asks_for_the_command_by_flag(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init() == 2
    assert 'cmlkit init --run "python SCRIPT"' in capsys.readouterr().err
    assert files(checkout) == set()


def test_the_example_is_a_project_that_trains(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init("--example", "--json") == 0
    written = json.loads(capsys.readouterr().out)["written"]
    assert {"train.py", "cmlkit.yaml", str(WORKFLOW)} <= set(written)
    assert run(["config", "show"], environ=os.environ) == 0


def test_a_template_that_does_not_exist_is_an_error_with_those_that_do(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert init("--workflow", "train.yml") == 2
    assert "train-on-ec2.yml" in capsys.readouterr().err
    assert not Path("cmlkit.yaml").exists()


CML_WORKFLOW = """\
name: Train
on: push # of any branch
jobs:
  train:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: iterative/setup-cml@v2
      - run: |
          make report
          cml comment create report.md
        env:
          REPO_TOKEN: ${{ secrets.GITHUB_TOKEN }}
"""


@pytest.fixture
def cml_workflow(checkout: Path) -> Path:
    """A workflow that was written for CML, in a repository of its own."""
    path = Path(".github/workflows/cml.yml")
    path.parent.mkdir(parents=True)
    path.write_text(CML_WORKFLOW)
    Path("Makefile").write_text("report:\n\tpython report.py\n\tcml publish plot.png --md >> report.md\n")
    subprocess.run(["git", "add", "--all"], cwd=checkout, check=True)
    return path


def test_a_workflow_of_cml_is_rewritten_beside_it(
    cml_workflow: Path, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(checkout)
    assert init("--from-cml", str(cml_workflow)) == 0
    new = cml_workflow.with_name("cml-cmlkit.yml")
    assert files(checkout) - before == {str(new)}
    expected = CML_WORKFLOW.replace("iterative/setup-cml@v2", templates.ACTION)
    assert new.read_text() == expected.replace("cml comment", "cmlkit comment")
    assert cml_workflow.read_text() == CML_WORKFLOW
    said = capsys.readouterr().out
    assert re.search(r"8 +- uses: iterative/setup-cml@v2 +changed +- uses: cmlkit/cmlkit@v1", said)
    assert re.search(r"11 +cml comment create report.md +changed +cmlkit comment create report.md", said)


def test_what_is_left_after_rewriting_is_said(cml_workflow: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init("--from-cml") == 0
    said = capsys.readouterr().out
    assert "contents: write, pull-requests: write" in said
    assert "Makefile:3: cml publish plot.png --md >> report.md" in said
    assert f"delete {cml_workflow} in the same commit: both would run" in said


def test_the_guide_shows_what_is_printed(cml_workflow: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guide = (documented.ROOT / "docs" / "how-to" / "migrate-from-cml.md").read_text()
    [block] = re.findall(r"```text\n(workflow  .*?)\n```", guide, re.DOTALL)
    assert init("--from-cml") == 0
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == block.splitlines()


def test_rewritten_workflows_are_such_that_github_takes() -> None:
    cases = documented.ROOT / "tests" / "unit" / "cli" / "from_cml" / "cases"
    # What the old files have, too: retired actions, labels, unknown inputs, and expressions in scripts.
    old = (
        "retired",
        "node20",
        "label .* is unknown",
        "is not defined in object type {}",
        "could not read reusable",
        "untrusted",
    )
    ignored = [word for pattern in old for word in ("-ignore", pattern)]
    written = [str(path) for path in cases.glob("*-cmlkit.yml")]
    command = [str(ACTIONLINT), "-shellcheck=", "-pyflakes=", *ignored, *written]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert len(written) >= 15
    assert done.returncode == 0, done.stdout


def test_rewriting_overwrites_nothing_and_does_not_see_its_own_files(
    cml_workflow: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = cml_workflow.with_name("cml-cmlkit.yml")
    new.write_text("mine\n")
    assert init("--from-cml") == 2
    assert f"{new} exists already with other content; nothing was written" in capsys.readouterr().err
    assert new.read_text() == "mine\n"
    assert init("--from-cml", "--force") == 0
    assert init("--from-cml") == 0
    assert sorted(path.name for path in new.parent.iterdir()) == ["cml-cmlkit.yml", "cml.yml"]


def test_a_rewriting_can_be_looked_at_first(cml_workflow: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init("--from-cml", "--dry-run", "--json") == 0
    [shown] = json.loads(capsys.readouterr().out)["workflows"]
    assert shown["workflow"] == str(cml_workflow)
    assert shown["written"] is None
    assert [(line["line"], line["outcome"]) for line in shown["lines"]] == [(8, "changed"), (11, "changed")]
    assert templates.ACTION in shown["text"]
    assert init("--from-cml", "--dry-run") == 0
    assert shown["text"] in capsys.readouterr().out
    assert not cml_workflow.with_name("cml-cmlkit.yml").exists()


def test_the_action_of_a_fork_is_taken(cml_workflow: Path) -> None:
    assert init("--from-cml", "--action", "octo/cmlkit@main") == 0
    assert "uses: octo/cmlkit@main" in cml_workflow.with_name("cml-cmlkit.yml").read_text()


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        (".gitlab-ci.yml", "train: {script: [cml comment create r.md]}\n", "GitHub Actions only"),
        ("bitbucket-pipelines.yml", "pipelines: {}\n", "GitHub Actions only"),
        (".github/workflows/ci.yml", "jobs: {a: {steps: [{run: make}]}}\n", "braces"),
        (".github/workflows/ci.yml", "jobs:\n  a:\n    steps: [{run: make}]\n", "does not use CML"),
        (".github/workflows/ci.yml", "jobs: [", "no YAML: line 1"),
        (".github/workflows/none.yml", "", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_rewritten_is_an_error(
    checkout: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, why: str
) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if text:
        path.write_text(text)
    assert init("--from-cml", name) == 2
    assert why in capsys.readouterr().err
    assert not list(path.parent.glob("*-cmlkit*"))


def test_without_a_workflow_of_cml_another_service_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(".gitlab-ci.yml").write_text("train: {script: [cml comment create r.md]}\n")
    assert init() == 0
    assert init("--from-cml") == 2
    said = capsys.readouterr().err
    assert "No workflow in .github/workflows uses CML" in said
    assert ".gitlab-ci.yml is GitLab's" in said


@pytest.mark.parametrize(
    "flag", [["--schedule", "0 8 * * *"], ["--workflow", "reap.yml"], ["--cpus", "4"], ["--example"]]
)
def test_flags_for_another_workflow_are_refused_beside_it(
    cml_workflow: Path, capsys: pytest.CaptureFixture[str], flag: list[str]
) -> None:
    assert init("--from-cml", *flag) == 2
    assert f"{flag[0]} cannot be used with --from-cml" in capsys.readouterr().err
    assert init("--dry-run") == 2
