"""Rows of a project that refer to users, each with another ``on_delete``."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Invoice(models.Model):  # noqa: DJ008  # nobody reads them
    """Must stay, and protects the account that it refers to."""

    customer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)


class Contract(models.Model):  # noqa: DJ008  # nobody reads them
    """Holds its party, unless it goes with something else."""

    party = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.RESTRICT)


class Delivery(models.Model):  # noqa: DJ008  # nobody reads them
    """Is left to the database, which may find out at the end of the transaction."""

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, related_name="+"
    )


class Basket(models.Model):  # noqa: DJ008  # nobody reads them
    """Goes with its owner."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)


class Topic(models.Model):  # noqa: DJ008  # nobody reads them
    """Interests some users."""

    name = models.CharField(max_length=20)
    readers = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="topics")
