"""The doctor's account, on any user model with any columns."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models.functions import Now, Upper
from django.test.utils import isolate_apps

from ai_kit_auth.accounts import email_of
from ai_kit_auth.doctor.account import NoAccount, fill, make_account, rolled_back
from ai_kit_auth.user_model import user_model


def model(name: str, base: Any = models.Model, **attributes: Any) -> Any:
    """Return a model of ``django.contrib.auth`` that no other test sees."""
    meta = type("Meta", (), {"app_label": "auth", **attributes.pop("meta", {})})
    return type(name, (base,), {"__module__": __name__, "Meta": meta, **attributes})


@pytest.fixture(autouse=True)
def _apart() -> Iterator[None]:
    """Keep the models of these tests out of the registry."""
    with isolate_apps("django.contrib.auth", "django.contrib.contenttypes"):
        yield


@pytest.mark.django_db
@pytest.mark.parametrize("staff", [True, False])
def test_an_account_can_log_in_and_is_gone_afterwards(staff: bool) -> None:
    with rolled_back():
        user, password = make_account(staff=staff)
        found: Any = get_user_model().objects.get(pk=user.pk)
        assert found.check_password(password)
        assert email_of(found).endswith("@doctor.invalid")
        if "is_staff" in user_model.columns:
            assert found.is_staff is found.is_superuser is staff
        if "age" in user_model.columns:
            assert found.age >= 0
        if "is_active" in user_model.columns:
            assert found.is_active
    assert not get_user_model().objects.exists()


def refuse_an_account() -> None:
    make_account(staff=False)
    raise NoAccount


@pytest.mark.django_db
def test_what_raises_is_rolled_back_as_well() -> None:
    with pytest.raises(NoAccount), rolled_back():
        refuse_an_account()
    assert not get_user_model().objects.exists()


def test_every_kind_of_column_gets_what_its_model_takes() -> None:
    everything = model(
        "Everything",
        address=models.EmailField(),
        big=models.BigIntegerField(),
        choice=models.CharField(max_length=1, choices=[("a", "A"), ("b", "B")]),
        date=models.DateField(),
        decimal=models.DecimalField(max_digits=4, decimal_places=2),
        duration=models.DurationField(),
        flag=models.BooleanField(),
        fraction=models.FloatField(),
        grouped=models.CharField(
            max_length=1, choices=[("letters", [("a", "A")]), ("rest", [("1", "1")])]
        ),
        ip=models.GenericIPAddressField(),
        long=models.TextField(),
        moment=models.DateTimeField(),
        number=models.PositiveSmallIntegerField(),
        plan=models.JSONField(blank=True),
        short=models.CharField(max_length=3),
        slug=models.SlugField(),
        stranger=models.UUIDField(),
        time=models.TimeField(),
    )
    row, other = everything(), everything()
    fill(row)
    row.full_clean()
    assert row.choice == row.grouped == "a"
    fill(other)
    # So that unique ones are no trouble.
    assert row.slug != other.slug
    assert row.address != other.address


def test_a_column_that_looks_after_itself_is_left_alone() -> None:
    row = model(
        "Easy",
        by_default=models.CharField(max_length=9, default="here"),
        by_database=models.DateTimeField(db_default=Now()),
        changed=models.DateTimeField(auto_now=True),
        key=models.UUIDField(primary_key=True, default=uuid.uuid4),
        made=models.DateTimeField(auto_now_add=True),
        maybe=models.CharField(max_length=9, null=True),
        picture=models.FileField(),
        secret=models.BinaryField(),
        total=models.GeneratedField(
            expression=Upper("by_default"),
            output_field=models.CharField(max_length=9),
            db_persist=True,
        ),
    )()
    fill(row)
    assert row.by_default == "here"
    assert row.maybe is row.changed is row.made is None
    assert not row.picture
    assert row.secret == b""


def test_a_key_that_the_host_gives_out_is_made_up() -> None:
    numbered = model(
        "Numbered", number=models.CharField(max_length=8, primary_key=True)
    )()
    fill(numbered)
    assert len(numbered.pk) == 8


def test_a_key_that_is_the_parents_comes_with_saving_it() -> None:
    customer = model("Customer", model("Person"))()
    fill(customer)
    assert customer.pk is None


@pytest.mark.django_db
def test_a_relation_takes_a_row_that_is_there() -> None:
    member = model("Member", group=models.ForeignKey(Group, models.CASCADE))
    with pytest.raises(NoAccount, match=r"auth\.Member\.group .* no free auth\.Group"):
        fill(member())
    group = Group.objects.create(name="readers")
    row = member()
    fill(row)
    assert row.group == group


@pytest.mark.django_db
def test_a_relation_to_one_takes_a_row_that_is_free() -> None:
    # Of a table that is there.
    only = model(
        "OnlyPermission",
        content_type=models.OneToOneField(ContentType, models.CASCADE),
        meta={"db_table": "auth_permission"},
    )
    taken = ContentType.objects.create(app_label="a", model="taken")
    Permission.objects.create(content_type=taken, codename="a", name="a")
    ContentType.objects.filter(permission=None).delete()
    with pytest.raises(NoAccount, match="no free"):
        fill(only())
    free = ContentType.objects.create(app_label="a", model="free")
    row = only()
    fill(row)
    assert row.content_type == free


class Point(models.Field):  # type: ignore[type-arg]  # is no generic when it runs
    empty_strings_allowed = False


def test_what_nobody_can_make_up_is_named() -> None:
    with pytest.raises(
        NoAccount,
        match=r"auth\.Place\.point is required, .* generate a Point",
    ):
        fill(model("Place", point=Point())())
