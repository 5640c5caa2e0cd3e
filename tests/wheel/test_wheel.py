"""The content of the wheel; a project needs nothing else."""

from __future__ import annotations

import json
import re
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

from .host import ROOT, Host

PASSWORD = "tall ferns in the rain"
NOT_CODE = {".html", ".json", ".mo", ".po", ".txt", ".typed"}


def names_in(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def metadata_of(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    folder = ROOT / "ai_kit_auth"
    package = {
        path.relative_to(ROOT).as_posix()
        for path in folder.rglob("*")
        if path.suffix in {".py", *NOT_CODE}
    }
    assert {
        "ai_kit_auth/py.typed",
        "ai_kit_auth/codes/zh-hant.json",
        "ai_kit_auth/locale/de/LC_MESSAGES/django.mo",
        "ai_kit_auth/templates/ai_kit_auth/user_created_body.html",
    } <= package
    assert {name for name in names_in(wheel) if ".dist-info/" not in name} == package


def test_the_wheel_is_pure_python(wheel: Path) -> None:
    assert wheel.name.startswith("django_ai_kit_auth-")
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_licence_goes_along(wheel: Path) -> None:
    """As PEP 639 has it: an expression, and the text below ``licenses/``."""
    metadata = metadata_of(wheel)
    assert metadata["Name"] == "django-ai-kit-auth"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata.get_all("License-File") == ["LICENSE"]
    (licence,) = (
        name for name in names_in(wheel) if name.endswith(".dist-info/licenses/LICENSE")
    )
    with ZipFile(wheel) as archive:
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()


def test_the_metadata_describe_the_package(wheel: Path) -> None:
    metadata = metadata_of(wheel)
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/x-rst"
    assert metadata.get_payload(decode=True) == (ROOT / "README.rst").read_bytes()
    required = [
        re.split(r"[^\w-]", requirement)[0]
        for requirement in metadata.get_all("Requires-Dist", [])
        if "extra ==" not in requirement
    ]
    assert sorted(required) == ["django", "django-cors-headers", "djangorestframework"]


def test_the_installed_package_is_the_one_that_is_imported(
    host: Host, wheel: Path
) -> None:
    code = """
import importlib.metadata, json, ai_kit_auth
installed = importlib.metadata.version("django-ai-kit-auth")
print(json.dumps([ai_kit_auth.__file__, ai_kit_auth.__version__, installed]))
"""
    file, version, installed = json.loads(host.run("-c", code))
    assert Path(file).parent.parent.name == "site-packages"
    assert Path(file).is_relative_to(host.folder)
    assert version == installed == metadata_of(wheel)["Version"]


def test_the_checks_find_nothing(host: Host) -> None:
    checked = host.run("-W", "error", "manage.py", "check")
    assert checked == "System check identified no issues (0 silenced).\n"


def test_the_sentences_of_the_codes_come_along(host: Host) -> None:
    said = json.loads(host.run("manage.py", "ai_kit_auth_codes", "--lang", "ko-kr"))
    # What startproject wrote has Django's default.
    assert said["password_too_short"] == "비밀번호가 너무 짧습니다. 최소 글자 수: 8."


def test_the_package_brings_no_migrations(host: Host) -> None:
    said = host.run("manage.py", "makemigrations", "--check", "--dry-run")
    assert said == "No changes detected\n"


def test_from_registration_to_a_session(host: Host) -> None:
    with host.running() as frontend:
        status, me = frontend.get("me/")
        assert (status, me["user"]) == (200, None)
        registration = {"email": "ada@example.com", "password": PASSWORD}
        assert frontend.post("register/", registration) == (201, {})
        assert frontend.post("register/", registration) == (
            400,
            {"email": ["email_unique"]},
        )
        login = {"ident": "Ada@example.com", "password": PASSWORD}
        assert frontend.post("login/", login) == (
            400,
            {"non_field_errors": ["invalid_credentials"]},
        )
        assert frontend.post("activate_email/", host.mailed_link()) == (200, {})
        status, answer = frontend.post("login/", login)
        assert status == 200
        assert answer["user"]["email"] == "ada@example.com"
        assert frontend.get("me/")[1]["user"] == answer["user"]
        assert frontend.post("logout/", {})[0] == 200
        assert frontend.get("me/")[1]["user"] is None
