"""Settings that do not do: out of range, in a form that the cloud does not know, or not together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cmlkit.errors import SettingsError
from cmlkit.settings.cloud_rules import MOST_TAGS, RESERVED_FOR_CMLKIT
from cmlkit.settings.schema import RunnerSpec, TrainSpec, load

ACCOUNT = "123456789012"
# Forms that AWS's API reference describes.
VALID: list[dict[str, Any]] = [
    {"max_lifetime": 0.5},
    {"capacity_timeout": 0.0},
    {"idle_timeout": "2h", "max_lifetime": "2h"},
    {"max_lifetime": "1m"},  # shorter than the default of idle-timeout, which nobody asked for
    {"count": 256},
    {"disk_size": 65_536},
    {"disk_size": 1024, "disk_type": "standard"},
    {"subnet": ("subnet-0123456789abcdef0", "subnet-01234567")},
    {"security_group": ("sg-0123456789abcdef0",)},
    {"image": "ubuntu-22.04"},
    {"image": "ami-01234567"},
    {"image": "ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"},
    {"image": "self:my-image-*"},
    {"image": f"{ACCOUNT}:my image (of today)"},
    {"iam_instance_profile": "cmlkit-instance"},
    {"iam_instance_profile": f"arn:aws-cn:iam::{ACCOUNT}:instance-profile/team/cmlkit"},
    {"stop_schedule_role": f"arn:aws-us-gov:iam::{ACCOUNT}:role/service-role/cmlkit"},
    {"tags": {"Team": "a", "team": "b"}},  # EC2's keys are case-sensitive
    {"tags": {"since": 2026, "spot": True, "empty": ""}},
    {"tags": {"k" * 128: "v" * 256}},
    {"labels": ("gpu", "l" * 256)},
    {"max_price": 0.001},
    {"cloud": "toy", "subnet": ("here",), "disk_type": "fast"},
]


@pytest.mark.parametrize("settings", VALID, ids=str)
def test_all_that_the_cloud_takes_is_taken(settings: dict[str, Any]) -> None:
    RunnerSpec(**settings)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"max_lifetime": 0}, "runner.max-lifetime is 0; it takes a duration longer than 0s"),
        ({"idle_timeout": "0s"}, "runner.idle-timeout is '0s'; it takes a duration longer than 0s"),
        ({"wait_timeout": 0.0}, "runner.wait-timeout is 0.0; it takes a duration longer than 0s"),
        ({"count": 0}, "runner.count is 0; it takes a number from 1 to 256"),
        ({"count": 257}, "runner.count is 257; it takes a number from 1 to 256"),
        (
            {"idle_timeout": "3h", "max_lifetime": "2h"},
            "runner.idle-timeout is 3 h, longer than runner.max-lifetime, 2 h",
        ),
        ({"disk_size": 0}, "runner.disk-size is 0; it takes a number from 1 to 65536"),
        ({"disk_type": "gp9"}, "runner.disk-type is 'gp9'; it takes one of gp3, gp2, standard"),
        ({"disk_type": "st1", "disk_size": 500}, "runner.disk-type is 'st1'; it takes one of gp3, gp2, standard"),
        (
            {"disk_type": "gp2", "disk_size": 20_000},
            "runner.disk-size is 20000, and volumes of the type gp2 have 1 to 16384 GiB",
        ),
        ({"subnet": ("subnet-abc",)}, "runner.subnet is 'subnet-abc'; it takes ids such as subnet-0123456789abcdef0"),
        ({"subnet": ("sg-0123456789abcdef0",)}, "'sg-0123456789abcdef0' is none"),
        ({"security_group": ("default",)}, "it takes ids such as sg-0123456789abcdef0, and 'default' is none"),
        ({"image": "ami-xyz"}, "runner.image is 'ami-xyz'; it takes ubuntu-24.04, ami-…"),
        ({"image": "ami-0123456789"}, "runner.image is 'ami-0123456789'; it takes ubuntu-24.04, ami-…"),
        ({"stop_schedule_role": "cmlkit-scheduler"}, "it takes the ARN of a role: arn:aws:iam::123456789012:role/NAME"),
        ({"stop_schedule_role": f"arn:aws:iam::{ACCOUNT}:user/me"}, "it takes the ARN of a role"),
        ({"iam_instance_profile": f"arn:aws:iam::{ACCOUNT}:role/cmlkit"}, "it takes the name of an instance profile"),
        ({"iam_instance_profile": "two words"}, "it takes the name of an instance profile"),
        ({"tags": {"aws:mine": "1"}}, "it takes other names than 'aws:mine', which is reserved"),
        ({"tags": {"AWS:mine": "1"}}, "it takes other names than 'AWS:mine', which is reserved"),
        ({"tags": {"Name": "1"}}, "it takes other names than 'Name', which is reserved"),
        ({"tags": {"cmlkit:run": "1"}}, "it takes other names than 'cmlkit:run', which is reserved"),
        ({"tags": {"k" * 129: "v"}}, "names of at most 128 characters and values of at most 256"),
        ({"tags": {"k": "v" * 257}}, "names of at most 128 characters and values of at most 256, and 'k' is too long"),
        ({"tags": {"team": None}}, "one text for each tag, and 'team' has none"),
        ({"tags": {f"tag-{number}": "" for number in range(36)}}, "at most 35 tags, and these are 36"),
        ({"labels": ("l" * 257,)}, "labels of 1 to 256 characters"),
        ({"labels": ["a,b"]}, "labels of 1 to 256 characters, without commas and line breaks, and 'a,b' is none"),
        ({"labels": tuple(f"label-{number}" for number in range(91))}, "at most 90 labels"),
        ({"max_price": 0.0001}, "USD per hour from 0.001, or 0 for no limit"),
        ({"cpus": 4, "instance_type": ("m5.large",)}, "Both `instance-type` and what the type must have"),
    ],
    ids=str,
)
def test_what_nobody_can_launch_is_refused_by_name_with_what_it_takes(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        RunnerSpec(**settings)
    assert caught.value.message.startswith("RunnerSpec: ")
    assert says in caught.value.message
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"model": "../model.joblib"}, "train.model is '../model.joblib'; it takes paths inside the project"),
        ({"model": "/tmp/model.joblib"}, "it takes paths inside the project, without '..'"),
        ({"model": "model/../../m"}, "'model/../../m' leads out of it"),
        ({"metrics": ["m.json", "../m.json"]}, "'../m.json' leads out of it"),
        ({"plots": ["/p.png"]}, "'/p.png' leads out of it"),
        ({"model": ".git/model"}, "it takes paths outside of .git"),
        ({"model": "model/../.GIT/model"}, "leads out of it"),
        ({"model": ".GIT/model"}, "it takes paths outside of .git"),
        ({"model": "~/models/m.joblib"}, "the ~ of '~/models/m.joblib' is not made into a home folder"),
        ({"plots": ["~ml/p.png"]}, "the ~ of '~ml/p.png' is not made into a home folder"),
        ({"model": "m\0.joblib"}, "'m\\x00.joblib' has one"),
        ({"metrics": ["model/metrics\n.txt"]}, "it takes paths without line breaks"),
        ({"model": "."}, "'.' is the project itself"),
        ({"metrics": ["./"]}, "'./' is the project itself"),
        ({"test_size": 1.0}, "train.test-size is 1.0; it takes a number between 0 and 1"),
        ({"test_size": 0.0}, "train.test-size is 0.0; it takes a number between 0 and 1"),
        ({"seed": 2**32}, "it takes a number from 0 to 4294967295"),
    ],
)
def test_results_that_could_not_be_published_are_refused_before_training(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        TrainSpec(**settings)
    assert says in caught.value.message


STORE = "s3://bucket/prefix"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"cache": ["data/"]}, "train.cache is set, but train.cache-store is not"),
        ({"cache_store": STORE}, "train.cache-store is set, but train.cache is not"),
        ({"checkpoint_store": STORE}, "train.checkpoint-store is set, but train.checkpoint is not"),
        ({"cache": ["~"], "cache_store": STORE}, "'~' is not made into a home folder"),
        ({"cache": ["~/"], "cache_store": STORE}, "is the project itself"),
        ({"cache": ["~/../etc"], "cache_store": STORE}, "without '..'"),
        ({"cache": ["~other/x"], "cache_store": STORE}, "is not made into a home folder"),
        ({"cache": ["/var/cache"], "cache_store": STORE}, "leads out of it"),
        ({"cache": ["../data"], "cache_store": STORE}, "leads out of it"),
        ({"cache": ["data/*.csv"], "cache_store": STORE}, "'data/*.csv' is a pattern"),
        ({"cache": [".cmlkit/run.json"], "cache_store": STORE}, "cmlkit's own"),
        ({"cache": [".git"], "cache_store": STORE}, "outside of .git"),
        ({"cache": ["data/"], "cache_store": "s3:/bucket"}, "s3:// with a bucket and a prefix"),
        (
            {"cache": ["model"], "cache_store": STORE, "model": "model/m.joblib"},
            "train.cache has model, in which training writes model/m.joblib: the next run would find that",
        ),
        ({"cache": ["m.joblib"], "cache_store": STORE, "model": "m.joblib"}, "writes m.joblib"),
        ({"cache": ["out/"], "cache_store": STORE, "metrics": ["out/m.json"]}, "writes out/m.json"),
        ({"cache": ["work"], "cache_store": STORE, "checkpoint": "work/state"}, "writes work/state"),
    ],
)
def test_a_cache_that_could_not_be_kept_or_has_results_is_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        TrainSpec(**settings)
    assert says in caught.value.message


def test_the_cache_may_have_folders_of_the_home_and_of_the_project() -> None:
    spec = TrainSpec(cache=("~/.cache/uv", "data/", ".dvc/cache", "train.csv"), cache_store=f"{STORE}/")
    assert (spec.cache, spec.cache_store) == (("~/.cache/uv", "data/", ".dvc/cache", "train.csv"), STORE)


def test_the_message_has_the_file_and_line_the_variable_or_the_flag_of_each_value(tmp_path: Path) -> None:
    file = tmp_path / "cmlkit.yaml"
    file.write_text("runner:\n  subnet: [subnet-1]\n  max-lifetime: 1h\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(environ={}, file=file)
    assert caught.value.message.startswith(f"{file}:2: runner.subnet is 'subnet-1'; it takes ids")
    with pytest.raises(SettingsError) as caught:
        load(environ={"CMLKIT_RUNNER_SUBNET": "subnet-2"}, file=file)
    assert caught.value.message.startswith("CMLKIT_RUNNER_SUBNET: runner.subnet is 'subnet-2'")
    flags = {"runner": {"idle_timeout": 7200.0, "subnet": ("subnet-01234567",)}}
    with pytest.raises(SettingsError) as caught:
        load(environ={}, flags=flags, file=file)
    assert caught.value.message == (
        "--idle-timeout: runner.idle-timeout is 2 h, longer than runner.max-lifetime, 1 h: it would never end an"
        f" instance (runner.max-lifetime: {file}:3)."
    )
    assert caught.value.next_step == "Make `idle-timeout` shorter, or `max-lifetime` longer."


def test_cmlkits_own_tags_have_room_beside_the_most_that_a_user_may_set() -> None:
    from cmlkit.clouds.aws.specification import SCHEDULE_TAG
    from cmlkit.runner import lease

    own = {"Name", SCHEDULE_TAG, *(value for value in vars(lease).values() if str(value).startswith(lease.PREFIX))}
    assert len(own) <= RESERVED_FOR_CMLKIT < MOST_TAGS
