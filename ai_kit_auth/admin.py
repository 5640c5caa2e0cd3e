"""
The user admin: an account that an admin creates here gets its activation mail.

It is registered for the user model unless USE_AI_KIT_AUTH_ADMIN is False, or the
project registers its own user admin.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import get_content_type_for_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm, UserCreationForm

# Projects import it from here, as from 2.0.0.
from django.contrib.auth.forms import UsernameField as UsernameField
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import translation
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException

from .account_changes import end_sessions
from .accounts import (
    AccountState,
    all_rows,
    email_of,
    in_state,
    normal_address,
    state_of,
)
from .capability import capabilities, load
from .registration import is_anybodys, unique_username, withdraw
from .services import (
    may_receive_reset_mail,
    resend_activation_mail,
    send_activation_by_admin_mail,
    send_reset_pw_mail,
    when_committed,
)
from .settings import SETTING_NAME, api_settings
from .user_model import User, UserModel, user_model

if TYPE_CHECKING:
    # Generic in the stubs alone.
    _UserCreationForm = UserCreationForm[Any]
    _ModelForm = forms.ModelForm[Any]
    _UserChangeForm = UserChangeForm[Any]
    _UserAdmin = UserAdmin[Any]
else:
    _UserCreationForm, _UserChangeForm = UserCreationForm, UserChangeForm
    _ModelForm, _UserAdmin = forms.ModelForm, UserAdmin


_ACTIVATION_MAILS_SENT = ngettext_lazy(
    "%(count)d activation mail was sent.",
    "%(count)d activation mails were sent.",
    "count",
)
_RESET_MAILS_SENT = ngettext_lazy(
    "%(count)d password reset mail was sent.",
    "%(count)d password reset mails were sent.",
    "count",
)
_SESSIONS_ENDED = ngettext_lazy(
    "All sessions of %(count)d account have ended.",
    "All sessions of %(count)d accounts have ended.",
    "count",
)


def _editable(*names: str | None) -> tuple[str, ...]:
    """Return those of ``names`` that a form can ask for: what Django would refuse."""
    columns = user_model.columns
    return tuple(n for n in names if n and n in columns and columns[n].editable)


def _field_classes() -> dict[str, type[forms.Field]]:
    """
    Return Django's form field for the username, if the column takes that.

    A SlugField, a phone number and the like pass arguments that it does not take: they
    have their own form field.
    """
    wanted = UserCreationForm.Meta.field_classes["username"]
    if user_model.username != "username" or not _editable("username"):
        return {}
    try:
        UserModel._meta.get_field("username").formfield(form_class=wanted)
    except TypeError:
        return {}
    return {"username": wanted}


class _AddressForm(_ModelForm):
    """Keeps the address required, and unique in any case."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if user_model.email in self.fields:
            self.fields[user_model.email].required = True

    if TYPE_CHECKING:

        def clean_email(self) -> str: ...

    def clean(self) -> dict[str, Any] | None:
        name = user_model.username or ""
        username = self.cleaned_data.get(name) or ""
        # SECURITY: a username that is another's, or another's address, in whatever case
        # or Unicode form, would stand in front of it.
        others = all_rows().exclude(pk=self.instance.pk)
        username = UserModel.normalize_username(username)
        kept = name not in self.changed_data or name in self._as_stored()
        new = bool(username) and not kept
        if new and others.filter(is_anybodys(username)).exists():
            message = _("A user with that username already exists.")
            self.add_error(name, forms.ValidationError(message, code="unique"))
        return super().clean()

    def _clean_fields(self) -> None:
        # Django looks for clean_<name>, and the model may have another name for it.
        setattr(self, f"clean_{user_model.email}", self.clean_email)
        super()._clean_fields()  # type: ignore[misc]  # private, and older than the stubs
        for name, stored in self._as_stored().items():
            self.cleaned_data[name] = stored
            self.errors.pop(name, None)

    def _get_validation_exclusions(self) -> set[str]:
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]  # private
        return excluded | set(self._as_stored())

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # private
        # The model's own clean() normalises both.
        for name, stored in self._as_stored().items():
            setattr(self.instance, name, stored)

    def _as_stored(self) -> dict[str, str]:
        """
        Return the identities that the page sends back as the row has them.

        An old row may have what a new one may not: an address that differs from
        another's in case alone, or outer spaces. It can be saved all the same.
        """
        if self.instance._state.adding:
            return {}
        names = {user_model.email, user_model.username or ""} & set(self.fields)
        stored = {name: self.initial.get(name) for name in names}
        return {
            name: value
            for name, value in stored.items()
            if isinstance(value, str) and value and self[name].data == value
        }


def _unless_taken(address: str, others: Any) -> str:
    """Return the normal form of ``address``; refuse what one of ``others`` has."""
    try:
        address = normal_address(address)
    except ValueError:
        raise forms.ValidationError(
            _("Enter a valid email address."), code="invalid"
        ) from None
    if others.filter(is_anybodys(address)).exists():
        raise forms.ValidationError(
            _("A user with that e-mail address already exists."),
            code=f"{user_model.email}_unique",
        )
    return address


class AIUserCreationForm(_AddressForm, _UserCreationForm):
    """
    Creates an inactive account, and mails its activation link after it is saved.

    Without a password the owner gets a link to set one, which also activates the
    account. With ``commit=False`` the mail is sent when the account's ``save()`` is
    called, which raises :exc:`~ai_kit_auth.errors.MailNotSent`.
    """

    class Meta:
        model = UserModel
        fields = _editable(user_model.username, user_model.email)
        field_classes = _field_classes()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        username = self.fields.get(user_model.username or "")
        if username is not None:
            username.required = (
                api_settings.USERNAME_REQUIRED or not user_model.username_can_be_made_up
            )
        # An account without the mark of waiting gets no link to set a password.
        invites = user_model.can_wait
        for name in ("password1", "password2"):
            self.fields[name].required = not invites
        if invites:
            self.fields["password1"].help_text = _(
                "Leave it empty to let the owner of the e-mail address choose one."
            )

    def clean_email(self) -> str:
        return _unless_taken(self.cleaned_data[user_model.email], all_rows())

    def validate_passwords(self, *args: Any, **kwargs: Any) -> None:
        given = [self.cleaned_data.get(name) for name in ("password1", "password2")]
        if not self.fields["password2"].required and any(given) and not all(given):
            message = self.error_messages["password_mismatch"]
            error = forms.ValidationError(message, code="password_mismatch")
            self.add_error("password2", error)
        super().validate_passwords(*args, **kwargs)  # type: ignore[misc]  # the stubs lack it

    def set_password_and_save(self, user: Any, *args: Any, **kwargs: Any) -> Any:
        if self.cleaned_data.get("password1"):
            return super().set_password_and_save(user, *args, **kwargs)  # type: ignore[misc]  # the stubs lack it
        user.set_unusable_password()
        return user

    def save(self, commit: bool = True) -> Any:
        user = super().save(commit=False)
        username = user_model.username
        if username is not None and not getattr(user, username):
            setattr(user, username, unique_username())
        if "is_active" in user_model.columns:
            user.is_active = False
            _mail_when_saved(user)
        if commit:
            user.save()
            if hasattr(self, "save_m2m"):
                self.save_m2m()
        return user


# Accounts of the add page that is being served; their mails follow its transaction.
_due: ContextVar[list[User] | None] = ContextVar("due", default=None)


def _mail_when_saved(user: User) -> None:
    """Have the next ``save()`` of this one object send the mail, and no other."""
    save = user.save

    def save_and_mail(*args: Any, **kwargs: Any) -> None:
        # Disarmed before, as a receiver may save once more; armed again for a retry.
        user.__dict__.pop("save", None)
        try:
            save(*args, **kwargs)
        except BaseException:
            user.save = save_and_mail
            raise
        due = _due.get()
        if due is None:
            send_activation_by_admin_mail(user)
        else:
            due.append(user)

    user.save = save_and_mail


class AIUserChangeForm(_AddressForm, _UserChangeForm):
    """Changes an account. The e-mail address stays required and unique."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        waiting = state_of(self.instance) is AccountState.WAITING
        if waiting and "last_login" in self.fields:
            self.fields["last_login"].disabled = True
            self.fields["last_login"].help_text = _(
                "The account waits for its activation. This date marks that, and the "
                "activation removes it."
            )

    def clean_email(self) -> str:
        address: str = self.cleaned_data[user_model.email]
        if address == email_of(self.instance):
            return address
        others = all_rows().exclude(pk=self.instance.pk)
        return _unless_taken(address, others)

    class Meta:
        model = UserModel
        fields = "__all__"
        field_classes = AIUserCreationForm.Meta.field_classes


class _Fieldsets:
    """
    The fieldsets of a setting, for a class and its instances.

    Of the default the fields that neither the user model nor the form has are left out,
    and a form of the project's own is shown whole.
    """

    def __init__(self, setting: str, form: str) -> None:
        self._setting = setting
        self._form = form

    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        try:
            fieldsets = getattr(api_settings, self._setting)
            is_default = api_settings.is_default(self._setting)
        except ImproperlyConfigured:
            # Django's checks ask as well; ours say what is wrong.
            return None
        if not is_default:
            return fieldsets
        return _with_fields_of(getattr(instance or owner, self._form), fieldsets)


def _with_fields_of(form: Any, fieldsets: Any) -> tuple[Any, ...]:
    """Return ``fieldsets`` with what ``form`` adds, less what it and the model lack."""
    named = {name for _, options in fieldsets for name in options["fields"]}
    added = [name for name in _own_fields_of(form) if name not in named]
    kept = []
    for title, options in fieldsets:
        fields = [*_own_fields(options["fields"], form.base_fields), *added]
        if fields:
            kept.append((title, {**options, "fields": tuple(dict.fromkeys(fields))}))
        added = []
    return tuple(kept)


def _own_fields_of(form: Any) -> Iterable[str]:
    """Return the fields that a project's form wants to be shown."""
    if form in _OUR_FORMS:
        return ()
    # One of all columns shows those of the fieldsets.
    names: Iterable[str] = (
        form.declared_fields if form._meta.fields is None else form.base_fields
    )
    return names


_OUR_FORMS = (AIUserChangeForm, AIUserCreationForm)


_STATES = {
    AccountState.ACTIVE: _("Active"),
    AccountState.WAITING: _("Waits for its activation"),
    AccountState.DEACTIVATED: _("Deactivated"),
    AccountState.UNKNOWN: _("Inactive, never logged in"),
}


class AccountStateFilter(admin.SimpleListFilter):
    """Shows the accounts in one state."""

    title = _("state of the account")
    parameter_name = "account_state"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, Any]]:
        return [(state.name.lower(), label) for state, label in _STATES.items()]

    def queryset(self, request: Any, queryset: Any) -> Any:
        for state in _STATES:
            if self.value() == state.name.lower():
                return queryset.filter(in_state(state))
        return queryset


class AIUserAdmin(_UserAdmin):
    """
    Django's user admin with the two forms and the fieldsets of the settings.

    It leaves out the fields of Django's lists that the user model lacks, so it works
    with any model. A subclass may set ``form``, ``add_form``, ``fieldsets`` and
    ``add_fieldsets``, as a subclass of Django's may. Its fieldsets replace those of the
    settings, which are in ``AIUserAdmin.fieldsets``. Without fieldsets, its form is
    shown with all fields that it declares.
    """

    form = AIUserChangeForm
    add_form = AIUserCreationForm
    fieldsets = _Fieldsets("ADMIN_FIELDSETS", "form")
    add_fieldsets = _Fieldsets("ADMIN_ADD_FIELDSETS", "add_form")
    list_display = (*UserAdmin.list_display, "account_state")  # type: ignore[misc]  # the stubs call it an instance's
    list_filter = (AccountStateFilter, *UserAdmin.list_filter)
    actions = ("send_activation_mail", "send_password_reset_mail", "end_all_sessions")

    def __init__(self, model: type[Any], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        names = {field.name for field in model._meta.get_fields()}
        for option in (
            "list_display",
            "list_filter",
            "search_fields",
            "ordering",
            "filter_horizontal",
        ):
            setattr(self, option, _present(getattr(self, option) or (), names))
        # A subclass may have none, and say so.
        if self.actions is not None:
            paths = [path for one in capabilities() for path in one.admin_actions]
            self.actions = (*self.actions, *map(load, paths))

    @admin.display(description=AccountStateFilter.title, ordering="is_active")
    def account_state(self, obj: User) -> Any:
        """Return whether ``obj`` is active, waits for its activation or is neither."""
        return _STATES[state_of(obj)]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        own = super().get_inlines(request, obj)
        if obj is None:
            return own
        found = [load(path) for one in capabilities() for path in one.admin_inlines]
        # A subclass may have listed one itself.
        return [*own, *(inline for inline in found if inline not in own)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        names = super().get_readonly_fields(request, obj)
        return (*names, "account_state") if _waits(obj) else names

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        return _without_mark(fieldsets) if _waits(obj) else fieldsets

    @admin.action(description=_("Send activation mail"), permissions=["change"])
    def send_activation_mail(self, request: HttpRequest, queryset: Any) -> None:
        """Mail a link to each selected account that waits for its activation."""
        send, action = _send_activation_mail, self.send_activation_mail
        self._for_each(request, queryset, send, action, _ACTIVATION_MAILS_SENT)

    @admin.action(description=_("Send password reset mail"), permissions=["change"])
    def send_password_reset_mail(self, request: HttpRequest, queryset: Any) -> None:
        """Mail a link to each selected account that may reset its password."""
        send, action = _send_password_reset_mail, self.send_password_reset_mail
        self._for_each(request, queryset, send, action, _RESET_MAILS_SENT)

    @admin.action(description=_("End all sessions"), permissions=["change"])
    def end_all_sessions(self, request: HttpRequest, queryset: Any) -> None:
        """End all sessions of each selected account but the one that asks for it."""
        accounts = list(queryset)
        others = [account for account in accounts if account.pk != request.user.pk]
        unreached = {account.pk for account in end_sessions(others)}
        reasons = [
            (account, gettext("is your own account; log out instead"))
            if account.pk == request.user.pk
            else (
                account,
                gettext(
                    "the sessions of this project cannot be searched; set another "
                    "password to end all of them"
                ),
            )
            for account in accounts
            if account.pk in {*unreached, request.user.pk}
        ]
        left_out = {account.pk for account, _reason in reasons}
        done = [account for account in accounts if account.pk not in left_out]
        self._report(request, self.end_all_sessions, _SESSIONS_ENDED, done, reasons)

    def _for_each(
        self,
        request: HttpRequest,
        accounts: Iterable[User],
        act: Callable[[User], None],
        action: Any,
        text: Any,
    ) -> None:
        """Call ``act`` for each account, and report the result of ``action``."""

        def act_and_report() -> None:
            done: list[User] = []
            reasons: list[tuple[User, str]] = []
            for account in accounts:
                try:
                    act(account)
                except _LeftOut as reason:
                    reasons.append((account, str(reason)))
                else:
                    done.append(account)
            self._report(request, action, text, done, reasons)

        # The message and the history tell what became of the mails, so with
        # ATOMIC_REQUESTS they follow the commit, too.
        when_committed(f"The action {action.__name__!r}", act_and_report)

    def _report(
        self,
        request: HttpRequest,
        action: Any,
        text: Any,
        done: list[User],
        reasons: Iterable[tuple[User, str]],
    ) -> None:
        """
        Write ``action`` into the history of the accounts in ``done``; show the result.

        ``text`` is a lazy plural with a ``count``. ``reasons`` says of each other
        account why it was left out.
        """
        # The model exists only if the admin is installed.
        from django.contrib.admin.models import CHANGE, LogEntry

        by: Any = request.user.pk
        if done:
            LogEntry.objects.log_actions(
                by,
                done,
                CHANGE,
                # In English, as Django writes its own: the history has no language.
                _in_english(action.short_description),
            )
        for account, reason in reasons:
            self.message_user(request, f"“{account}”: {reason}", messages.ERROR)
        level = messages.SUCCESS if done else messages.WARNING
        self.message_user(request, text % {"count": len(done)}, level)

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        due: list[User] = []
        token = _due.set(due)
        try:
            response: HttpResponse = super().add_view(request, form_url, extra_context)
        finally:
            _due.reset(token)
        not_made: list[HttpResponse] = []

        def mail() -> None:
            try:
                for user in due:
                    self._mail_or_withdraw(user)
            except APIException:
                # Nothing public takes back that the account was added.
                shown: Any = messages.get_messages(request)
                shown._queued_messages = []
                not_made.append(self._not_made(request))

        # With ATOMIC_REQUESTS, when this view has returned. Then the response is that
        # of the page, and the message tells of the failure.
        when_committed("The mail for an account of the admin", mail)
        return not_made[0] if not_made else response

    def _mail_or_withdraw(self, user: User) -> None:
        """Mail the link of a new account, which is committed; else take it back."""
        from django.contrib.admin.models import ADDITION, LogEntry

        try:
            send_activation_by_admin_mail(user)
        except BaseException:
            kind = get_content_type_for_model(user)
            entries = LogEntry.objects.filter(object_id=str(user.pk), content_type=kind)
            withdraw(user)
            entries.filter(action_flag=ADDITION).delete()
            raise

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            response: HttpResponse = super().changeform_view(
                request, object_id, form_url, extra_context
            )
        except APIException:
            # A project's own save_model() mails. Its transaction is over.
            return self._not_made(request)
        return response

    def _not_made(self, request: HttpRequest) -> HttpResponse:
        self.message_user(
            request,
            gettext(
                "The account was not created, because its activation mail could not "
                "be sent. Please try again later."
            ),
            messages.ERROR,
        )
        return HttpResponseRedirect(request.get_full_path())


def _in_english(text: object) -> str:
    with translation.override("en"):
        return str(text)


class _LeftOut(Exception):
    """Why an action was not done for an account, in words for the admin."""


def _send_activation_mail(user: User) -> None:
    if state_of(user) is not AccountState.WAITING:
        raise _LeftOut(gettext("does not wait for an activation"))
    _mail(resend_activation_mail, user)


def _send_password_reset_mail(user: User) -> None:
    if not may_receive_reset_mail(user):
        raise _LeftOut(gettext("is deactivated, or was never activated"))
    _mail(send_reset_pw_mail, user)


def _mail(send: Callable[[User], None], user: User) -> None:
    if not email_of(user):
        raise _LeftOut(gettext("has no e-mail address"))
    try:
        send(user)
    except APIException:
        raise _LeftOut(gettext("the mail could not be sent")) from None


def _waits(user: User | None) -> bool:
    return user is not None and state_of(user) is AccountState.WAITING


def _without_mark(fieldsets: Any) -> Any:
    """Return ``fieldsets`` with the state of a waiting account for its odd date."""
    if isinstance(fieldsets, dict):
        return {**fieldsets, "fields": _without_mark(fieldsets["fields"])}
    if isinstance(fieldsets, list | tuple):
        return type(fieldsets)(_without_mark(part) for part in fieldsets)
    return "account_state" if fieldsets == "last_login" else fieldsets


def _present(names: Iterable[Any], known: set[str]) -> tuple[Any, ...]:
    """Return ``names`` without Django's own that the model lacks."""
    lacking: set[Any] = {
        "username",
        "email",
        "first_name",
        "last_name",
        "is_staff",
        "is_superuser",
        "is_active",
        "groups",
        "user_permissions",
    } - known
    if not user_model.can_wait:
        lacking |= {"account_state", AccountStateFilter}
    return tuple(
        dict.fromkeys(
            user_model.own_name(name) or name
            for name in names
            if name not in lacking or user_model.own_name(name)
        )
    )


def _own_fields(names: Iterable[str], available: Collection[str]) -> list[str]:
    """Return the default's field names as the user model or the form has them."""
    kept = []
    for name in names:
        if name in available or _is_shown(name):
            kept.append(name)
        elif (own := user_model.own_name(name)) and _is_shown(own):
            kept.append(own)
    return kept


def _is_shown(name: str) -> bool:
    fields = {field.name: field for field in UserModel._meta.get_fields()}
    return name in fields and getattr(fields[name], "editable", False)


def keep_registration(
    *, setting: str = SETTING_NAME, site: admin.AdminSite = admin.site, **kwargs: object
) -> None:
    """
    Register ``AIUserAdmin`` on ``site``, or give the place back, as the setting says.

    It takes the place of Django's own registration and of no other: what the project
    registers for the user model stays, and takes the place of ours. Runs when the admin
    discovers its modules, and is a ``setting_changed`` receiver so that a test's
    ``override_settings`` is followed. Under a broken ``AI_KIT_AUTH`` it does nothing:
    the checks tell.
    """
    if setting != SETTING_NAME:
        return
    try:
        wanted = api_settings.USE_AI_KIT_AUTH_ADMIN
    except ImproperlyConfigured:
        return
    current = site._registry.get(UserModel)
    if wanted and (current is None or _is_djangos(current)):
        if current is not None:
            _replaced[site.name] = type(current)
            site.unregister(UserModel)
        site.register(UserModel, AIUserAdmin)
        _give_way(site)
        _registered[site.name] = site.get_model_admin(UserModel)
    elif not wanted and _is_ours(current, site):
        site.unregister(UserModel)
        if site.name in _replaced:
            site.register(UserModel, _replaced.pop(site.name))


def _is_djangos(current: admin.ModelAdmin[Any]) -> bool:
    """Tell whether ``django.contrib.auth`` registered it, and not the project."""
    return type(current) is UserAdmin and UserModel is UserAdmin.add_form.Meta.model


def _is_ours(current: object, site: admin.AdminSite) -> bool:
    # Not by its class: a project may register AIUserAdmin itself.
    return current is not None and current is _registered.get(site.name)


def _give_way(site: admin.AdminSite) -> None:
    """
    Let the project's registration of a user admin replace ours.

    Without this Django raises ``AlreadyRegistered``, depending on the order of the
    apps, and a project with its own user admin does not start.
    """
    register = site.register
    if getattr(register, "gives_way", False):
        return

    def register_in_our_place(models: Any, *args: Any, **options: Any) -> None:
        models = [models] if isinstance(models, type) else list(models)
        current = site._registry.get(UserModel)
        if UserModel in models and _is_ours(current, site):
            site.unregister(UserModel)
        register(models, *args, **options)

    register_in_our_place.gives_way = True  # type: ignore[attr-defined]  # a mark
    site.register = register_in_our_place  # type: ignore[assignment, method-assign]  # of this one site


_replaced: dict[str, type[admin.ModelAdmin[Any]]] = {}
_registered: dict[str, admin.ModelAdmin[Any]] = {}

keep_registration()
setting_changed.connect(keep_registration, dispatch_uid="ai_kit_auth.admin")
