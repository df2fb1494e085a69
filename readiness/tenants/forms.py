"""Forms of the pages: signing in, onboarding a tenant, making a key."""

from django import forms
from django.http import QueryDict

from readiness.tenants.services.scopes import ALL_SCOPES, SCOPE_MEANING
from readiness.tenants.services.slugs import NAME_LENGTH

SCOPE_CHOICES = [(scope, f"{scope} — {SCOPE_MEANING[scope]}") for scope in ALL_SCOPES]


class SignInForm(forms.Form):
    """E-mail and password."""

    username = forms.EmailField(
        label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = forms.CharField(
        max_length=1024, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class OnboardForm(forms.Form):
    """A tenant to be. Its ids are its own: Connect shows it beside KeyForm."""

    slug = forms.CharField(
        max_length=63, help_text="Lower-case letters, digits and hyphens, such as acme-eu. It cannot be changed later."
    )
    name = forms.CharField(max_length=NAME_LENGTH, required=False, help_text="What people read; the slug if empty.")
    trusted = forms.BooleanField(
        label="The DSN stays on our own servers",
        required=False,
        help_text="A trusted DSN's errors may switch flags off by themselves. Never tick this for a browser or an app.",
    )

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="onboard_%s")


class KeyForm(forms.Form):
    """A key to be. Its ids are its own: Connect shows it beside OnboardForm."""

    name = forms.CharField(max_length=NAME_LENGTH, help_text="What it is for, such as “CI of the billing service”.")
    tenant = forms.CharField(
        max_length=63, required=False, help_text="A tenant's slug. Empty: a key of this installation, for every tenant."
    )
    scopes = forms.MultipleChoiceField(choices=SCOPE_CHOICES, widget=forms.CheckboxSelectMultiple)
    environment = forms.CharField(max_length=64, initial="production", help_text="Whose flags the key reads.")

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="key_%s")
