"""Customers and staff are proxies of Django's user, an employee is a child of it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models


class Customer(User):
    class Meta:
        proxy = True


class VIP(Customer):
    class Meta:
        proxy = True


class Employee(User):
    desk = models.CharField(max_length=20, default="window")
