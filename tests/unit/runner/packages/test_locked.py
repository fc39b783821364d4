"""uv.lock as uv writes it, made into lists with hashes."""

import pytest

from cmlkit.errors import SettingsError
from cmlkit.runner.packages.locked import Machine, locked

# Shortened from a lock of uv 0.13, revision 5: https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile
LOCK = """
version = 1
revision = 5
requires-python = ">=3.11"

[[package]]
name = "grove"
version = "0.1.0"
source = { editable = "." }
dependencies = [{ name = "numpy" }]

[[package]]
name = "numpy"
version = "2.3.0"
source = { registry = "https://pypi.org/simple" }
sdist = { url = "https://files.pythonhosted.org/packages/a/numpy-2.3.0.tar.gz", hash = "sha256:5d", size = 1 }
wheels = [
    { url = "https://files.pythonhosted.org/b/numpy-2.3.0-cp311-cp311-manylinux_2_28_x86_64.whl", hash = "sha256:11" },
    { url = "https://files.pythonhosted.org/b/numpy-2.3.0-cp312-cp312-manylinux_2_28_x86_64.whl", hash = "sha256:12" },
    { url = "https://files.pythonhosted.org/b/numpy-2.3.0-cp312-cp312-manylinux_2_28_aarch64.whl", hash = "sha256:a2" },
    { url = "https://files.pythonhosted.org/b/numpy-2.3.0-cp313-cp313t-manylinux_2_28_x86_64.whl", hash = "sha256:3e" },
    { url = "https://files.pythonhosted.org/b/numpy-2.3.0-cp312-cp312-macosx_14_0_arm64.whl", hash = "sha256:ac" },
    { url = "https://files.pythonhosted.org/b/numpy-2.3.0-cp312-cp312-musllinux_1_2_x86_64.whl", hash = "sha256:ab" },
]

[[package]]
name = "torch"
version = "2.9.0+cpu"
source = { registry = "https://download.pytorch.org/whl/cpu" }
wheels = [
    { url = "https://download.pytorch.org/t/torch-2.9.0%2Bcpu-cp312-cp312-linux_x86_64.whl", hash = "sha256:70" },
]

[[package]]
name = "pyperf"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
sdist = { url = "https://files.pythonhosted.org/packages/a/pyperf-1.0.tar.gz", hash = "sha256:5f", size = 1 }

[[package]]
name = "pywin32"
version = "311"
source = { registry = "https://pypi.org/simple" }
wheels = [{ url = "https://x/pywin32-311-cp312-cp312-win_amd64.whl", hash = "sha256:32" }]

[[package]]
name = "clip"
version = "1.0"
source = { git = "https://github.com/openai/CLIP.git#dcba3cb2" }
"""
EXPORTED = """-e .
clip @ git+https://token:hunter2@github.com/openai/CLIP.git@dcba3cb2
numpy==2.3.0 ; python_full_version >= '3.12'
pyperf==1.0
pywin32==311 ; sys_platform == 'win32'
torch==2.9.0+cpu
./lib
"""


def test_each_index_has_a_list_with_the_hashes_for_the_machine() -> None:
    found = locked(EXPORTED, LOCK, Machine(arch="x86_64", python="3.12.4"))
    numpy, pyperf = "numpy==2.3.0 ; python_full_version >= '3.12' --hash=sha256:12", "pyperf==1.0 --hash=sha256:5f"
    torch = "--extra-index-url https://download.pytorch.org/whl/cpu\ntorch==2.9.0+cpu --hash=sha256:70"
    assert found.lists == (f"{numpy}\n{pyperf}", torch)
    assert found.left_out == ("clip @ git+https://***@github.com/openai/CLIP.git@dcba3cb2", "./lib")
    assert (found.folders, found.python, found.index) == ((".",), ">=3.11", "")


def test_without_a_version_of_python_the_wheels_of_all_are_allowed() -> None:
    [numpy, *_] = locked(EXPORTED, LOCK, Machine(arch="x86_64")).lists[0].splitlines()
    assert numpy.endswith("--hash=sha256:11 --hash=sha256:12")


def test_a_package_without_a_wheel_for_the_machine_is_built() -> None:
    [numpy, *_] = locked("numpy==2.3.0\n", LOCK, Machine(arch="x86_64", python="3.14")).lists[0].splitlines()
    assert numpy == "numpy==2.3.0 --hash=sha256:5d"


def test_the_only_index_has_the_build_tools_too() -> None:
    lock = LOCK.replace("https://pypi.org/simple", "https://pypi.example.com/simple").replace(
        "https://download.pytorch.org/whl/cpu", "https://pypi.example.com/simple"
    )
    found = locked(EXPORTED, lock, Machine(arch="aarch64", python="3.12"))
    assert found.index == "https://pypi.example.com/simple"
    assert found.lists[0].splitlines()[:2] == [
        "--index-url https://pypi.example.com/simple",
        "numpy==2.3.0 ; python_full_version >= '3.12' --hash=sha256:a2",
    ]


@pytest.mark.parametrize(
    ("file", "python", "fits"),
    [
        ("x-1-py3-none-any.whl", "3.12", True),
        ("x-1-py2.py3-none-any.whl", "3.12", True),
        ("x-1-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "3.12", True),
        ("x-1-cp313-abi3-manylinux_2_17_x86_64.whl", "3.12", False),
        ("x-1-1-cp312-cp312-linux_x86_64.whl", "3.12", True),
        ("x-1-cp312-cp312-linux_x86_64.whl", "3.11", False),
        ("x-1-pp311-pypy311_pp73-manylinux_2_17_x86_64.whl", "", False),
        ("x-1-py2-none-any.whl", "", False),
        ("x-1.tar.gz", "", False),
    ],
)
def test_a_wheel_fits_by_the_tags_in_its_name(file: str, python: str, fits: bool) -> None:
    assert Machine(arch="x86_64", python=python).takes(file) is fits


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        ("version = ", "not TOML"),
        ("version = 1", "package is empty, not a list"),
        ('[[package]]\nname = 3\nversion = "1"', "name is a number, not text"),
        ('[[package]]\nname = "x"\nversion = "1"', "source is missing"),
        (LOCK.replace("https://pypi.org", "https://me:hunter2@pypi.org"), "credentials in the address of an index"),
    ],
)
def test_a_lock_file_that_uv_does_not_write_or_that_has_credentials_is_refused(lock: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        locked(EXPORTED, lock, Machine(arch="x86_64"))
    assert "hunter2" not in str(caught.value)
