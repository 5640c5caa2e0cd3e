"""A user with interests, an employer in a city, and a profile."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.signals import post_save


class Interest(models.Model):
    name = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name


class City(models.Model):
    name = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name


class Company(models.Model):
    name = models.CharField(max_length=20)
    city = models.ForeignKey(City, models.PROTECT, null=True)

    def __str__(self) -> str:
        return self.name


class Desk(models.Model):
    room = models.CharField(max_length=20)
    floor = models.IntegerField(default=1)
    company = models.ForeignKey(Company, models.PROTECT, null=True)

    def __str__(self) -> str:
        return f"{self.room}, floor {self.floor}"


class User(AbstractUser):
    desk = models.OneToOneField(Desk, models.SET_NULL, null=True)
    interests = models.ManyToManyField(Interest, blank=True)
    company = models.ForeignKey(Company, models.PROTECT, null=True)
    preferences = models.JSONField(default=dict)

    @property
    def initials(self) -> str:
        return self.username[:1]


class Profile(models.Model):
    user = models.OneToOneField(User, models.CASCADE)
    motto = models.CharField(max_length=50)
    likes = models.ManyToManyField(Interest, blank=True)

    def __str__(self) -> str:
        return self.motto


class Badge(models.Model):
    user = models.OneToOneField(User, models.CASCADE, related_name="badge")
    colour = models.CharField(max_length=20, default="grey")
    shape = models.CharField(max_length=20, default="round")
    team = models.ForeignKey(Company, models.PROTECT, null=True)
    number = models.IntegerField(unique=True, null=True)
    serial = models.CharField(max_length=20, unique=True, null=True)  # noqa: DJ001  # several have none

    def __str__(self) -> str:
        return f"{self.colour}, {self.shape}"


def give_a_badge(instance: User, created: bool, **kwargs: Any) -> None:
    if created:
        everyone = Company._default_manager.filter(name="Everyone").first()
        Badge._default_manager.create(user=instance, team=everyone)


post_save.connect(give_a_badge, sender=User)
