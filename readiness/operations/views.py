"""The Operations page: is the console itself in order, and do the product's jobs run? Health, jobs, outbox, runs."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from readiness.infra.refusals import Refusal
from readiness.notifications.workflows.reading import telling_gap_read
from readiness.operations.services.attention import attention_words
from readiness.operations.services.jobs import job_find
from readiness.operations.store import incidents_of_console_errors, runs_recent
from readiness.operations.workflows.delivery import message_retry, outbox_read
from readiness.operations.workflows.health import health_probe
from readiness.operations.workflows.jobs import job_request
from readiness.operations.workflows.overview import JobRunLine, jobs_read
from readiness.operations.workflows.product import product_signs_read
from readiness.operations.workflows.reconciling import reconciliation_health
from readiness.tenants.access import actor_of, requires_role
from readiness.tenants.models import User

RUNS_A_PAGE = 10
WRITERS = (User.Role.FOUNDER, User.Role.ENGINEER)


@require_safe
def operations(request: HttpRequest) -> HttpResponse:
    """The whole page; while a job is under way it fetches itself again and takes over the parts that change."""
    verdict, pairs, jobs, outbox = health_probe(), reconciliation_health(), jobs_read(), outbox_read()
    chosen = job_find(request.GET.get("job", ""))
    page = Paginator(runs_recent(job=chosen.key if chosen else ""), RUNS_A_PAGE).get_page(request.GET.get("page"))
    incidents = incidents_of_console_errors([run.error_id for run in page])
    context = {
        "attention": attention_words(
            probes=verdict.checks,
            cards=[pair.card for pair in pairs],
            standings=[(line.job.title, line.standing) for line in jobs],
            dead_messages=outbox.counts.dead,
        ),
        "checks": verdict.checks,
        "pairs": pairs,
        "jobs": jobs,
        "under_way": any(line.under_way for line in jobs),
        "outbox": outbox,
        "product": product_signs_read(),
        "telling_gap": telling_gap_read(),
        "page": page,
        "runs": [JobRunLine.of(run, incidents) for run in page],
        "chosen": chosen,
        "may_write": isinstance(request.user, User) and request.user.role in WRITERS,
    }
    return render(request, "operations/operations.html", context)


@requires_role(*WRITERS)
@require_POST
def job_run_now(request: HttpRequest, key: str) -> HttpResponse:
    """Ask for a run; the worker takes it from the outbox within seconds."""
    try:
        job = job_request(key=key, actor=actor_of(request))
    except Refusal as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, f"{job.title} is asked for; it starts within seconds, and this page follows it.")
    return redirect("operations")


@requires_role(*WRITERS)
@require_POST
def outbox_retry(request: HttpRequest, message_id: int) -> HttpResponse:
    """Try a message again now."""
    try:
        topic = message_retry(message_id=message_id, actor=actor_of(request))
    except Refusal as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, f"The message “{topic}” is due again; it is tried within seconds.")
    return redirect("operations")
