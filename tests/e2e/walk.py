"""A reader who does what a page says, step by step, with the built wheel and nothing else of cmlkit."""

from __future__ import annotations

import ensurepip
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZipFile

from cmlkit_sandbox import TOKEN, Sandbox
from cmlkit_sandbox.aws import ACCESS_KEY, SECRET_KEY
from tests import documented
from tests.e2e.act import Act, ActRun
from tests.e2e.templates import run_template
from tests.integration.installation import Distribution, environment_of

# A step may leave no choice open: these words would.
CHOICE = re.compile(r"\b(?:or|either|choose|decide|if|unless|depending)\b|<[a-z-]+>", re.IGNORECASE)
ROLE = "arn:aws:iam::123456789012:role/cmlkit"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One item of a numbered list of a page.

    Attributes:
        prose: Its sentences, without blocks.
        script: What its block has to be typed.
        output: What its block shows as the output of that; empty if it shows none.
    """

    prose: str
    script: str
    output: str

    @property
    def choices(self) -> list[str]:
        return CHOICE.findall(re.sub(r"`[^`]*`|\[[^]]*\]\([^)]*\)|\*[^*]*\*", "", self.prose))


def steps(page: Path, title: str) -> list[Step]:
    """The numbered items below a heading, up to the next heading."""
    text = page.read_text(encoding="utf-8")
    [section] = re.findall(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    items = re.split(r"^\d+\. ", section, flags=re.MULTILINE)[1:]
    return [_step(re.split(r"\n\n(?=\S)", item)[0]) for item in items]


def _step(item: str) -> Step:
    fences = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", item, re.MULTILINE | re.DOTALL)
    scripts, outputs = (
        "".join(re.sub(r"^    ", "", text, flags=re.MULTILINE) for language, text in fences if language in languages)
        for languages in (documented.SHELL, documented.OUTPUT)
    )
    prose = re.sub(r"^ *```.*?^ *```$", "", item, flags=re.MULTILINE | re.DOTALL)
    return Step(prose=" ".join(prose.split()), script=scripts, output=outputs)


@dataclass(kw_only=True)
class Reader:
    """Somebody with a shell, and a repository on the sandbox's GitHub.

    Attributes:
        folder: Where the shell is.
        secrets: What has been stored as secrets of the repository; `variables` as its variables.
        printed: What the last commands printed.
        runs: What came of each workflow that was started.
    """

    sandbox: Sandbox
    act: Act
    folder: Path
    environ: Mapping[str, str]
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    printed: str = ""
    runs: list[ActRun] = field(default_factory=list)

    def does(self, step: Step) -> None:
        """Type what the step shows, or do on the web what it says.

        Raises:
            AssertionError: The step has nothing to type, and says nothing that one can do.
        """
        if step.script:
            self._type(step.script)
            return
        for words, action in self._actions().items():
            if found := re.search(words, step.prose):
                action(*found.groups())
                return
        raise AssertionError(f"Nobody knows how to do this: {step.prose}")

    def _actions(self) -> dict[str, Callable[..., None]]:
        return {
            r"Allow GitHub Actions to create and approve pull requests\*": self._allow,
            r"as the secret `(\w+)`": self._store_secret,
            r"as the variable `(\w+)`": self._store_variable,
            r"Make a fine-grained token with \*Administration: write\*": self._make_token,
            r"Start \*([^*]+)\* in the Actions tab": self._start,
        }

    def _type(self, script: str) -> None:
        # The shell stays where a `cd` took it.
        told = self.folder.parent / "where"
        command = f'{script}\npwd >"{told}"'
        done = subprocess.run(
            ["bash", "-e", "-c", command],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        self.folder, self.printed = Path(told.read_text().strip()), done.stdout

    def _allow(self) -> None:
        self.sandbox.github.hub.repository(self.sandbox.repository).settings.can_create_pull_requests = True

    def _make_token(self) -> None:
        self.sandbox.github.add_token("github_pat_runner", permissions={"administration": "write"})

    def _store_secret(self, name: str) -> None:
        self.secrets[name] = "github_pat_runner"

    def _store_variable(self, name: str) -> None:
        self.variables[name] = ROLE

    def _start(self, name: str) -> None:
        """Run the workflow of that name as the branch on GitHub has it."""
        clone = self.folder.parent / f"clone-{len(self.runs)}"
        bare = self.sandbox.github.hub.repository(self.sandbox.repository).git.path
        subprocess.run(["git", "clone", "--quiet", bare, clone], check=True)
        workflows = clone / ".github" / "workflows"
        [workflow] = [path for path in workflows.iterdir() if f"\nname: {name}\n" in path.read_text()]
        self.runs.append(
            run_template(
                workflow.name,
                self.act,
                self.sandbox,
                clone,
                folder=workflows,
                secrets=self.secrets,
                variables=self.variables,
            )
        )


# The AWS CLI, as far as a newcomer needs it: it creates a role from a template that is there.
AWS = """\
#!/bin/sh
case "$*" in
"cloudformation deploy --stack-name "*" --template-file "*" --capabilities CAPABILITY_NAMED_IAM --region "*)
  grep -q AWS::IAM::Role "$6" ;;
*) echo "aws: what is $*?" >&2; exit 252 ;;
esac
"""


def environ_of_a_newcomer(sandbox: Sandbox, wheel: Distribution, folder: Path, *extras: str) -> dict[str, str]:
    """Variables of a shell with git, Python, pip and aws, whose index has the wheel; GitHub and AWS are the sandbox."""
    programs = environment_of(wheel.requirements(*extras), folder)
    [pip] = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
    ZipFile(pip).extractall(folder / "pip")
    (programs / "pip").write_text(
        f'#!/bin/sh\nPYTHONPATH="{folder}/pip" exec "{programs}/python" -m pip --quiet "$@"\n'
    )
    (programs / "aws").write_text(AWS)
    for name in ("pip", "aws"):
        (programs / name).chmod(0o755)
    here = sandbox.url.replace("://", f"://octo:{TOKEN}@")
    (folder / ".gitconfig").write_text(
        f'[url "{here}/"]\n\tinsteadOf = https://github.com/\n[user]\n\tname = Ann\n\temail = ann@example.org\n'
    )
    return {
        "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheel.wheel.parent),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        "AWS_ENDPOINT_URL": sandbox.aws.url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }
