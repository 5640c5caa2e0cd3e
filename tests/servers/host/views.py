"""Views for the tests: what the project has stored and counted."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from .hashers import CALLS


@csrf_exempt
def accounts(request: HttpRequest) -> JsonResponse:
    """Make (POST) or change (PUT) an account; answer with all there are."""
    if request.method == "POST":
        User.objects.create_user(**json.loads(request.body))
    elif request.method == "PUT":
        changes = json.loads(request.body)
        User.objects.filter(username=changes["username"]).update(**changes)
    columns = ("pk", "username", "email", "is_active")
    return JsonResponse(list(User.objects.values(*columns)), safe=False)


@csrf_exempt
def hashes(request: HttpRequest) -> JsonResponse:
    """Answer how many passwords were hashed since the last POST."""
    if request.method == "POST":
        cache.delete(CALLS)
    return JsonResponse(cache.get(CALLS, 0), safe=False)


def tasks(request: HttpRequest) -> JsonResponse:
    """Answer with the state of each task in the queue of mails."""
    models: Any = import_module("django_tasks_db.models")
    states = models.DBTaskResult.objects.values_list("status", flat=True)
    return JsonResponse(list(states), safe=False)
