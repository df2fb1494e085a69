"""“Who is told?”: the ways to tell people, who hears of what, whether it arrived. Founders change it; all may read."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from readiness.infra.actor import Actor
from readiness.infra.refusals import Invalid, NotFound, Refusal
from readiness.notifications.forms import ChannelForm, MuteForm, RuleForm
from readiness.notifications.services.muting import CHOICES, LONGEST
from readiness.notifications.workflows.channels import (
    channel_create,
    channel_retarget,
    channel_rotate,
    channel_switch,
    channel_test,
    delivery_retry,
    rule_create,
    rule_mute,
    rule_remove,
    rule_unmute,
)
from readiness.notifications.workflows.reading import channel_secret_read, telling_page_read
from readiness.tenants.access import actor_of, requires_role
from readiness.tenants.models import User
from readiness.tenants.workflows import project_find

FOUNDER = User.Role.FOUNDER


@require_safe
def telling(request: HttpRequest) -> HttpResponse:
    """The page."""
    return _page(request)


def _page(
    request: HttpRequest,
    *,
    status: int = 200,
    channel_form: ChannelForm | None = None,
    rule_form: RuleForm | None = None,
    secret: tuple[str, str] | None = None,
    mute: tuple[int, str] | None = None,
) -> HttpResponse:
    test = request.GET.get("test", "")
    page = telling_page_read(test_id=int(test) if test.isascii() and test.isdigit() and len(test) < 16 else 0)
    names = [(line.channel.pk, line.channel.name) for line in page.channels]
    context: dict[str, Any] = {
        "page": page,
        "may_manage": isinstance(request.user, User) and request.user.role == FOUNDER,
        "channel_form": channel_form or ChannelForm(),
        "rule_form": rule_form or RuleForm(names),
        "secret": secret,
        "mute_choices": CHOICES,
        "mute_longest": LONGEST.days,
        "refused": {"rule": mute[0], "detail": mute[1], "typed": request.POST} if mute else {},
        "test_waits": page.test is not None and page.test.delivery.first_result_at is None,
    }
    return render(request, "notifications/telling.html", context, status=status)


# --- channels ---------------------------------------------------------------------------------------------------------


@requires_role(FOUNDER)
@sensitive_post_parameters("target")
@never_cache
@require_POST
def channel_add(request: HttpRequest) -> HttpResponse:
    """A new channel; a Standard Webhook's secret is shown with the answer."""
    form = ChannelForm(request.POST)
    if not form.is_valid():
        return _page(request, status=422, channel_form=form)
    try:
        channel = channel_create(**form.cleaned_data, actor=actor_of(request))
    except Refusal as refusal:
        _show(form, refusal)
        return _page(request, status=422, channel_form=form)
    messages.success(request, f"{channel.name} is there, with the usual rule. Send a test to see whether it arrives.")
    if channel.kind == channel.Kind.WEBHOOK:
        return _page(request, secret=channel_secret_read(channel_id=channel.pk))
    return redirect("notifications")


def _show(form: ChannelForm, refusal: Refusal) -> None:
    for error in refusal.errors:
        field = error.pointer.removeprefix("/")
        form.add_error(field if field in form.fields else None, error.detail)


@requires_role(FOUNDER)
@sensitive_post_parameters("target")
@never_cache
@require_POST
def channel_move(request: HttpRequest, channel_id: int, move: str) -> HttpResponse:
    """Test, switch, retarget; show or replace the secret."""
    actor = actor_of(request)
    try:
        if move == "test":
            delivery = channel_test(channel_id=channel_id, actor=actor)
            return redirect(f"{reverse('notifications')}?test={delivery.pk}#test")
        if move in ("secret", "rotate"):
            if move == "rotate":
                channel_rotate(channel_id=channel_id, actor=actor)
                messages.success(request, "The secret is replaced. For a day the old one signs beside it.")
            return _page(request, secret=channel_secret_read(channel_id=channel_id))
        if move not in _MOVES:
            raise NotFound(f"There is no such move with a channel: {move[:20]!r}.")
        messages.success(request, _MOVES[move](channel_id, request.POST.get("target", ""), actor))
    except Refusal as refusal:
        messages.error(request, refusal.detail)
    return redirect("notifications")


def _switch_on(channel_id: int, _: str, actor: Actor) -> str:
    return f"{channel_switch(channel_id=channel_id, on=True, actor=actor).name} is switched on."


def _switch_off(channel_id: int, _: str, actor: Actor) -> str:
    return f"{channel_switch(channel_id=channel_id, on=False, actor=actor).name} is switched off: nothing goes by it."


def _retarget(channel_id: int, target: str, actor: Actor) -> str:
    name = channel_retarget(channel_id=channel_id, target=target, actor=actor).name
    return f"{name} leads elsewhere now. Send a test to see whether it arrives."


_MOVES: dict[str, Callable[[int, str, Actor], str]] = {"on": _switch_on, "off": _switch_off, "target": _retarget}


# --- rules and deliveries ---------------------------------------------------------------------------------------------


@requires_role(FOUNDER)
@require_POST
def rule_add(request: HttpRequest) -> HttpResponse:
    """Let more through a channel."""
    page = telling_page_read()
    form = RuleForm([(line.channel.pk, line.channel.name) for line in page.channels], request.POST)
    if not form.is_valid():
        return _page(request, status=422, rule_form=form)
    slug = form.cleaned_data["tenant"].strip()
    project = project_find(tenant_slug=slug) if slug else None
    if slug and project is None:
        form.add_error("tenant", f"There is no tenant {slug}.")
        return _page(request, status=422, rule_form=form)
    try:
        rule = rule_create(
            channel_id=int(form.cleaned_data["channel"]),
            kinds=form.cleaned_data["kinds"],
            minimum_priority=form.cleaned_data["minimum_priority"],
            projects=[project.pk] if project is not None else [],
            actor=actor_of(request),
        )
    except Refusal as refusal:
        form.add_error(None, refusal.detail)
        return _page(request, status=422, rule_form=form)
    messages.success(request, f"{rule.channel.name} hears of it from now on.")
    return redirect("notifications")


@requires_role(FOUNDER)
@require_POST
def rule_move(request: HttpRequest, rule_id: int, move: str) -> HttpResponse:
    """Mute for a while; listen again; remove."""
    actor = actor_of(request)
    try:
        if move == "mute":
            return _mute(request, rule_id)
        if move == "unmute":
            rule = rule_unmute(rule_id=rule_id, actor=actor)
            messages.success(request, f"The rule of {rule.channel.name} is heard again.")
        elif move == "remove":
            messages.success(request, f"The rule is removed from {rule_remove(rule_id=rule_id, actor=actor)}.")
        else:
            raise NotFound(f"There is no such move with a rule: {move[:20]!r}.")
    except Refusal as refusal:
        messages.error(request, refusal.detail)
    return redirect("notifications")


def _mute(request: HttpRequest, rule_id: int) -> HttpResponse:
    """A refusal stands at the rule, with what was typed. Raises NotFound."""
    form = MuteForm(request.POST)
    if not form.is_valid():
        detail = " ".join(f"{error}" for errors in form.errors.values() for error in errors)
        return _page(request, status=422, mute=(rule_id, detail))
    try:
        rule = rule_mute(rule_id=rule_id, **form.cleaned_data, actor=actor_of(request))
    except Invalid as refusal:
        return _page(request, status=422, mute=(rule_id, refusal.detail))
    messages.success(request, f"The rule of {rule.channel.name} is muted until {rule.muted_until:%Y-%m-%d %H:%M} UTC.")
    return redirect("notifications")


@requires_role(FOUNDER, User.Role.ENGINEER)
@require_POST
def delivery_try(request: HttpRequest, delivery_id: int) -> HttpResponse:
    """Try one again now."""
    try:
        name = delivery_retry(delivery_id=delivery_id, actor=actor_of(request))
    except Refusal as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, f"It is sent by {name} again within seconds.")
    return redirect(f"{reverse('notifications')}#deliveries")
