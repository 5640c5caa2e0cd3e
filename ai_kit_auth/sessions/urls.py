"""The routes of the list of sessions, by key of ENABLE_ENDPOINTS."""

from __future__ import annotations

from django.urls import path

from . import views

# Not ``<uuid:id>``: what is no id has the answer of an id that is not there.
ROUTES = {
    "SESSIONS": (
        path("sessions/", views.SessionList.as_view(), name="sessions"),
        path("sessions/not_me/", views.NotMe.as_view(), name="not_me"),
        path("sessions/<str:id>/", views.SessionDetail.as_view(), name="session"),
    )
}
