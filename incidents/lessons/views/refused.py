"""A use-case's refusal, shown on the form that it refuses."""

from django.forms import Form

from readiness.infra.refusals import Refusal


def form_refuse(form: Form, refusal: Refusal) -> None:
    """The refusal beside the fields that it points at, else above the form."""
    beside = False
    for error in refusal.errors:
        field = error.pointer.strip("/").split("/")[0]
        if field in form.fields:
            form.add_error(field, error.detail)
            beside = True
    if not beside:
        form.add_error(None, refusal.detail)
