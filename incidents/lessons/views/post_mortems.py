"""Page: the post-mortem of an incident, written and read."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from incidents.lessons.forms.post_mortem import PostMortemForm
from incidents.lessons.views.refused import form_refuse
from incidents.lessons.workflows.reading.post_mortems import post_mortem_page_read
from incidents.triage.workflows import incident_number, post_mortem_write
from readiness.infra.refusals import NotFound, Refusal
from readiness.tenants.access import actor_of, writes_need_role

WRITERS = ("founder", "engineer")


@require_http_methods(["GET", "HEAD", "POST"])
@writes_need_role(*WRITERS)
def post_mortem(request: HttpRequest, public_id: str) -> HttpResponse:
    """What happened, whom it hit, what went well and wrong, where we got lucky; each save is a revision."""
    number = incident_number(public_id)
    form = PostMortemForm(request.POST) if request.method == "POST" else None
    if form is not None and form.is_valid():
        given = dict(form.cleaned_data)
        try:
            written = post_mortem_write(
                incident_id=number, expected_revision=given.pop("revision"), actor=actor_of(request), **given
            )
        except NotFound:
            raise
        except Refusal as refusal:
            form_refuse(form, refusal)
        else:
            messages.success(request, f"The post-mortem is saved, revision {written.revision}.")
            return redirect("post-mortem", public_id=f"INC-{number}")
    page = post_mortem_page_read(incident_id=number)
    if form is not None:
        if page.incident.merged_into_id is not None:  # merged away meanwhile: what was typed is asked for there
            page = post_mortem_page_read(incident_id=page.incident.merged_into_id)
        form.overtaken_by(page.latest.revision if page.latest else 0)
    context = {
        "page": page,
        "incident": page.incident,
        "form": form or PostMortemForm(initial=_initial(page.latest) if page.latest else page.prefill),
        "may_write": getattr(request.user, "role", "") in WRITERS,
    }
    return render(request, "lessons/post_mortem.html", context, status=422 if form is not None else 200)


def _initial(latest: object) -> dict[str, object]:
    fields = ("revision", "summary", "impact", "went_well", "went_wrong", "lucky")
    return {name: getattr(latest, name) for name in fields}
