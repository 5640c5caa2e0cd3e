"""Django's own user admin, for the proxy."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from .models import Customer

admin.site.register(Customer, UserAdmin)
