"""The field with which evidence is pinned to a root cause."""

import re
from typing import Any

from django import forms

_ERROR_ID = re.compile(r"err_[0-9a-f]{1,32}")


class ErrorIdsField(forms.MultipleChoiceField):
    """Ids of errors, ticked on the page. Which are stored is for the workflow to say: the page that offered them may be
    older than the newest one.
    """

    widget = forms.CheckboxSelectMultiple

    def valid_value(self, value: Any) -> bool:
        return _ERROR_ID.fullmatch(str(value)) is not None
