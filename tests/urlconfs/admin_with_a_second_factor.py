"""An admin whose login asks for a code in addition to the password."""

from __future__ import annotations

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.urls import include, path


class WithCode(AdminAuthenticationForm):
    code = forms.CharField()


class Site(AdminSite):
    login_form = WithCode


urlpatterns = [
    path("api/v1/auth/", include("ai_kit_auth.urls")),
    path("admin/", Site().urls),
]
