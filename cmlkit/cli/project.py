"""The project of a Python program: settings, run, forge and clouds, found as a command finds them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cmlkit.ci import credentials, workplace
from cmlkit.cli import edges
from cmlkit.cli.options import Invocation
from cmlkit.process import variables_hidden
from cmlkit.progress import Progress
from cmlkit.records.training_run import TrainingRun
from cmlkit.records.workflow_run import WorkflowRun
from cmlkit.settings import schema
from cmlkit.settings.schema import GateSpec, PublishSpec, RunnerSpec, Settings, TrainSpec
from cmlkit.settings.variables import CONFIG

if TYPE_CHECKING:
    from cmlkit.publishing.publication import Publication
    from cmlkit.runner.launch import Launched


def from_env(
    directory: str | os.PathLike[str] = ".",
    *,
    environ: Mapping[str, str] | None = None,
    config: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Project:
    """Return the project in a folder, wired to its forge and clouds as the commands are.

    >>> cml = cmlkit.from_env(environ={"CMLKIT_TRAIN_RUN": "python train.py"})
    >>> cml.settings.train.run
    'python train.py'

    Args:
        directory: The working directory of the project.
        environ: Tokens, and the variables of the job and of the settings; this process's own if None.
        config: The settings file; the one that CMLKIT_CONFIG names, or `cmlkit.yaml` in `directory`, if None.
        progress: Told of each stage; the job's log, or the terminal, if None.

    Raises:
        SettingsError: The settings file or a variable is wrong.
    """
    environ, folder = os.environ if environ is None else environ, Path(directory)
    named = config or environ.get(CONFIG)
    settings = schema.load(environ=environ, file=Path(named) if named else None, folder=folder)
    place = workplace(environ)
    invocation = Invocation(
        environ=environ, workplace=place, settings=settings, progress=progress or place.progress(), as_json=False
    )
    return Project(directory=folder, invocation=invocation)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Project:
    """A project as its environment describes it; `cmlkit.from_env` makes it.

    All that it does belongs to one run. Nothing is asked of a forge or a cloud before it is needed.

    Attributes:
        directory: The working directory, to which the settings' paths are relative.
    """

    directory: Path
    invocation: Invocation = dataclasses.field(repr=False)

    @property
    def settings(self) -> Settings:
        """The settings of the file, the variables and the defaults."""
        return self.invocation.settings

    @cached_property
    def workflow_run(self) -> WorkflowRun:
        """The run that this job belongs to, or, outside of a CI, one for the checkout, with a random id."""
        return self.invocation.workplace.workflow_run(directory=self.directory)

    @contextmanager
    def launch_runner(self, spec: RunnerSpec | None = None) -> Iterator[Launched]:
        """Yield a runner that is online inside the `with` block and gone after it, as `cmlkit.launch_runner` does.

        Args:
            spec: The instance; that of the settings if None.
        """
        from cmlkit.runner.launch import launch_runner

        own = self._with(runner=spec)
        with launch_runner(
            own.settings.runner,
            workflow_run=self.workflow_run,
            forge=edges.runner_forge(own, self.workflow_run),
            cloud_for=edges.clouds(own),
            job_forge=edges.forge_if_any(own, self.workflow_run),
            progress=own.progress,
        ) as launched:
            yield launched

    def train(
        self,
        what: TrainSpec | Any = None,
        features: Any = None,
        labels: Any = None,
        *,
        test: tuple[Any, Any] | None = None,
    ) -> TrainingRun:
        """Train by the settings, by a spec, or an estimator on its data, as `cmlkit.train` does.

        The settings' files, scores and split are those of an estimator, too; its data are its own.
        """
        from cmlkit.training.train import train

        invocation, declared = self.invocation, self.settings.train
        is_declared = what is None or isinstance(what, TrainSpec)
        spec = what if isinstance(what, TrainSpec) else declared
        # A command can read the environment of its parent.
        with variables_hidden(credentials().difference(spec.pass_env)):
            return train(
                declared if what is None else what,
                features,
                labels,
                test=test,
                spec=None if is_declared else dataclasses.replace(declared, run="", estimator="", target="", setup=""),
                directory=self.directory,
                environ=invocation.environ,
                progress=invocation.progress,
                instance=invocation.workplace.instance_facts(),
                hosted_cores=invocation.workplace.hosted_cores,
            )

    def publish(
        self, run: TrainingRun, *, spec: PublishSpec | None = None, rules: Sequence[str] | None = None
    ) -> Publication:
        """Judge the model and publish it, as `cmlkit.publish` does.

        Args:
            run: From `train`.
            spec: Destination and presentation; those of the settings if None.
            rules: Rules of the gate; those of the settings if None.
        """
        from cmlkit.publishing.branch import check_branch
        from cmlkit.publishing.own_branch import refuse_chain
        from cmlkit.publishing.publish import publish

        own = self._with(publish=spec, gate=None if rules is None else GateSpec.of_rules(rules))
        check_branch(self.workflow_run, own.settings.publish)
        refuse_chain(self.workflow_run, own.settings.publish)
        return publish(
            run,
            spec=own.settings.publish,
            gate=own.settings.gate,
            directory=self.directory,
            prefix=edges.prefix(own, self.directory),
            forge=edges.publishing_forge(own, self.workflow_run),
            workflow_run=self.workflow_run,
            progress=own.progress,
        )

    def _with(self, **specs: Any) -> Invocation:
        """Return the invocation with other specs in place of those of the settings; None leaves one as it is."""
        given = {name: spec for name, spec in specs.items() if spec is not None}
        return dataclasses.replace(self.invocation, settings=dataclasses.replace(self.settings, **given))
