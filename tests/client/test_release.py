"""``scripts/release.py`` builds both packages from a tag, or says why it does not."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from subprocess import CompletedProcess
from time import gmtime

import pytest

import ai_kit_auth

from .conftest import ROOT, need, run

VERSION = ai_kit_auth.__version__
CHANGELOG = """=========
Changelog
=========

{heading}
{line}

What is new
-----------

- Something.

1.0.0 (2020-02-02)
==================

- Something else.
"""
# What git asks of a person before the first commit, and none of the machine's settings.
GIT = {
    "GIT_AUTHOR_NAME": "ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_AUTHOR_DATE": "2026-02-03T04:05:06+00:00",
    "GIT_COMMITTER_NAME": "ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_COMMITTER_DATE": "2026-02-03T04:05:06+00:00",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
}


@dataclass(frozen=True)
class Repository:
    """A repository of git in ``folder``, with the script in it."""

    folder: Path

    def git(self, *arguments: str) -> str:
        """Return what git printed; it must succeed."""
        program = shutil.which("git")
        need(program, "git")
        ended = run([str(program), *arguments], self.folder, **GIT)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Change it")

    def release(self, *arguments: str, **variables: str) -> CompletedProcess[str]:
        script = self.folder / "scripts" / "release.py"
        command: list[str | Path] = [sys.executable, script, *arguments]
        return run(command, self.folder, **{**GIT, **variables})

    def refusal(self, *arguments: str, **variables: str) -> str:
        """Return the sentence with which the script refuses, having built nothing."""
        dist = self.folder / "dist"
        before = sorted(dist.iterdir()) if dist.is_dir() else None
        ended = self.release(*arguments, **variables)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert (sorted(dist.iterdir()) if dist.is_dir() else None) == before
        assert "Traceback" not in ended.stderr
        return ended.stderr

    def write(self, **changed: str) -> None:
        """Write the files that tell a version; all of them tell 3.1.0, but these."""
        told = {
            "init": "3.1.0",
            "manifest": "3.1.0",
            "lock": "3.1.0",
            "root": "3.1.0",
            "heading": "3.1.0 (2026-02-03)",
            **changed,
        }
        lock = {"version": told["lock"], "packages": {"": {"version": told["root"]}}}
        files = {
            "ai_kit_auth/__init__.py": f'"""Accounts."""\n\n{told["init"]}\n'
            if "=" in told["init"]
            else f'"""Accounts."""\n\n__version__ = "{told["init"]}"\n',
            "client/package.json": json.dumps({"version": told["manifest"]}),
            "client/package-lock.json": json.dumps(lock),
            "CHANGELOG.rst": CHANGELOG.format(
                heading=told["heading"], line="=" * len(told["heading"])
            ),
        }
        for name, text in files.items():
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text(text, encoding="utf-8")


def begin(folder: Path) -> Repository:
    """Make ``folder`` a repository whose branch has no commit yet."""
    repository = Repository(folder)
    repository.git("init", "--quiet", "--initial-branch", "main")
    return repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return a repository with the versions of 3.1.0 in a commit, and no tag."""
    folder = tmp_path / "repository"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "release.py", folder / "scripts")
    (folder / ".gitignore").write_text("/dist/\n")
    repository = begin(folder)
    repository.write()
    repository.commit()
    return repository


# What is refused


@pytest.mark.parametrize("tag", ["3.1.0", "main", "HEAD", "", "3.1.0^{commit}"])
def test_a_tag_that_does_not_exist_is_refused(repository: Repository, tag: str) -> None:
    repository.git("tag", "3.0.9")
    said = f'There is no tag "{tag}" in this repository.\n'
    assert repository.refusal(tag) == said


def test_a_branch_is_no_tag(repository: Repository) -> None:
    repository.git("branch", "3.1.0")
    said = 'There is no tag "3.1.0" in this repository.\n'
    assert repository.refusal("3.1.0") == said


@pytest.mark.parametrize("name", ["CHANGELOG.rst", "new.txt"])
def test_a_change_in_no_commit_is_refused(repository: Repository, name: str) -> None:
    repository.git("tag", "3.1.0")
    with (repository.folder / name).open("a") as file:
        file.write("More.\n")
    assert repository.refusal("3.1.0") == (
        f"The tree has changes that are in no commit: {name}.\n"
    )


def test_of_many_changes_the_first_are_named(repository: Repository) -> None:
    repository.git("tag", "3.1.0")
    for number in range(7):
        (repository.folder / f"{number}.txt").touch()
    assert repository.refusal("3.1.0") == (
        "The tree has changes that are in no commit: 0.txt, 1.txt, 2.txt, 3.txt, 4.txt "
        "and more.\n"
    )


def test_files_of_another_build_are_refused(repository: Repository) -> None:
    repository.git("tag", "3.1.0")
    other = repository.folder / "dist" / "other-1.0.0.tar.gz"
    other.parent.mkdir()
    other.touch()
    assert repository.refusal("3.1.0") == (
        "The folder dist/ is not empty. Move away what is in it.\n"
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"init": "3.2.0"}, "ai_kit_auth.__version__ is 3.2.0"),
        ({"init": "version = 3"}, "ai_kit_auth.__version__ is none"),
        ({"manifest": "3.0.0"}, "client/package.json is 3.0.0"),
        ({"lock": "3.0.0"}, "client/package-lock.json is 3.0.0"),
        ({"root": "3.0.0"}, 'packages[""] of client/package-lock.json is 3.0.0'),
        (
            {"heading": "Unreleased"},
            "the newest section of CHANGELOG.rst is Unreleased",
        ),
        (
            {"heading": "3.1.01 (2026-02-03)"},
            "the newest section of CHANGELOG.rst is 3.1.01",
        ),
        (
            {"init": "3.0.0", "heading": "3.0.0"},
            (
                "ai_kit_auth.__version__ is 3.0.0, and "
                "the newest section of CHANGELOG.rst is 3.0.0"
            ),
        ),
    ],
)
def test_a_version_that_is_not_the_tag_is_refused(
    repository: Repository, changed: dict[str, str], said: str
) -> None:
    repository.write(**changed)
    repository.commit()
    repository.git("tag", "3.1.0")
    assert repository.refusal("3.1.0") == f"The tag is 3.1.0, but {said}.\n"


def test_the_tag_counts_and_not_what_is_checked_out(repository: Repository) -> None:
    repository.git("tag", "3.2.0")
    # Of the same name: git would prefer it.
    repository.git("branch", "3.2.0")
    repository.write(**dict.fromkeys(("init", "manifest", "lock", "root"), "3.2.0"))
    repository.commit()
    assert repository.refusal("3.2.0").startswith(
        "The tag is 3.2.0, but ai_kit_auth.__version__ is 3.1.0, and "
    )


def test_a_missing_program_is_told(repository: Repository, tmp_path: Path) -> None:
    repository.git("tag", "--annotate", "--message", "It is out", "3.1.0")
    alone = tmp_path / "programs"
    alone.mkdir()
    (alone / "git").symlink_to(str(shutil.which("git")))
    said = repository.refusal("3.1.0", PATH=str(alone))
    assert said == "The program npm is missing.\n"


def test_a_build_that_fails_leaves_no_file(
    repository: Repository, project: Path
) -> None:
    """``project``: without npm, the script does not come so far."""
    need_tools()
    # There is no pyproject.toml that could be built.
    repository.git("tag", "3.1.0")
    (repository.folder / "dist").mkdir()
    said = repository.refusal("3.1.0")
    assert re.match(r"`\S+ -m build --outdir \S+ \S+` failed:\n\S", said)
    assert "pyproject.toml" in said


# What is built


def need_tools() -> None:
    """Skip the test, or fail it with AI_KIT_AUTH_REQUIRE_ALL, without the group."""
    need(find_spec("build") and find_spec("twine"), "the dependency group release")


LEFT_OUT = shutil.ignore_patterns(
    *(".git", ".tox", ".venv", "*_cache", "__pycache__", "*.egg-info"),
    *("artefacts", "build", "coverage", "data", "dist", "node_modules", "tests"),
)


@dataclass(frozen=True)
class Release:
    """What the script printed, the folder ``dist/``, and the tagged tree."""

    printed: str
    dist: Path
    tree: Path


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Release:
    """Tag this tree, whose changelog has the version on top, and build the tag."""
    need_tools()
    folder = tmp_path_factory.mktemp("release") / "repository"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT, symlinks=True)
    changelog = folder / "CHANGELOG.rst"
    text = changelog.read_text("utf-8")
    heading = f"{VERSION} (2026-02-03)"
    top = f"=========\nChangelog\n=========\n\n{heading}\n{'=' * len(heading)}\n\n"
    changelog.write_text(top + text.partition("\n\n")[2], encoding="utf-8")
    repository = begin(folder)
    repository.commit()
    repository.git("tag", "--annotate", "--message", "It is out", VERSION)
    # Ignored by git, and no part of the tag.
    shutil.copytree(project / "src", folder / "client" / "coverage")
    ended = repository.release(VERSION)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert repository.git("status", "--porcelain") == ""
    return Release(ended.stdout, folder / "dist", folder)


def test_it_builds_three_files_of_one_version(released: Release) -> None:
    assert sorted(path.name for path in released.dist.iterdir()) == [
        f"django-ai-kit-auth-{VERSION}.tgz",
        f"django_ai_kit_auth-{VERSION}-py3-none-any.whl",
        f"django_ai_kit_auth-{VERSION}.tar.gz",
    ]
    with tarfile.open(released.dist / f"django-ai-kit-auth-{VERSION}.tgz") as archive:
        file = archive.extractfile("package/package.json")
        assert file is not None
        assert json.load(file)["version"] == VERSION
        assert "package/dist/index.js" in archive.getnames()


def test_the_wheel_has_the_times_of_the_commit(released: Release) -> None:
    wheel = released.dist / f"django_ai_kit_auth-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        assert {each.date_time for each in archive.infolist()} == {
            (2026, 2, 3, 4, 5, 6)
        }
        assert "ai_kit_auth/py.typed" in archive.namelist()


def test_the_source_archive_is_the_tag_and_nothing_of_the_machine(
    released: Release,
) -> None:
    path = released.dist / f"django_ai_kit_auth-{VERSION}.tar.gz"
    with tarfile.open(path) as archive:
        times = {gmtime(each.mtime)[:6] for each in archive}
        names = {each.partition("/")[2] for each in archive.getnames()}
    assert times == {(2026, 2, 3, 4, 5, 6)}
    assert {"client/src/index.ts", "scripts/release.py", "CHANGELOG.rst"} <= names
    tagged = Repository(released.tree).git("ls-tree", "-r", "--name-only", VERSION)
    assert names - set(tagged.splitlines()) == {"PKG-INFO"}


def test_it_prints_what_to_look_at_in_each(released: Release) -> None:
    first, *parts = released.printed.split("\n\n")
    commit = Repository(released.tree).git("rev-list", "-1", VERSION).strip()
    assert first == (f"Built {VERSION} from the commit {commit}. Nothing is published.")
    # In the order of the upload.
    suffixes = ["-py3-none-any.whl", ".tar.gz", ".tgz"]
    for part, suffix in zip(parts, suffixes, strict=True):
        [path] = released.dist.glob(f"*{suffix}")
        data = path.read_bytes()
        assert part.startswith(f"dist/{path.name}\n  version   {VERSION}\n")
        assert f"  size      {len(data):,} bytes, " in part
        assert f"  sha256    {sha256(data).hexdigest()}\n" in part
        assert part.count("\n  look at   ") >= 2
    needs = [re.findall(r"^  needs     (.*)$", part, re.MULTILINE) for part in parts]
    [[wheel], [source], [npm]] = needs
    assert [re.split(r"[^\w-]", each)[0] for each in wheel.split(", ")] == [
        "django",
        "django-cors-headers",
        "djangorestframework",
    ]
    assert (source, npm) == (wheel, "nothing")


def test_it_builds_no_second_time_beside_them(released: Release) -> None:
    assert Repository(released.tree).refusal(VERSION) == (
        "The folder dist/ is not empty. Move away what is in it.\n"
    )
