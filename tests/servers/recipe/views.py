"""Accounts for the tests, without a registration."""

from __future__ import annotations

import json

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def accounts(request: HttpRequest) -> JsonResponse:
    """Make accounts of the posted names; answer with all e-mail addresses there are."""
    if request.method == "POST":
        posted = json.loads(request.body)
        # One hash for all: the default hasher would take minutes.
        password = make_password(posted["password"])
        User.objects.bulk_create(
            User(username=name, email=f"{name}@example.com", password=password)
            for name in posted["names"]
        )
    return JsonResponse(list(User.objects.values_list("email", flat=True)), safe=False)
