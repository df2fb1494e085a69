"""The flag list's filters (django-filter)."""

import django_filters

from flags.models import Flag


class FlagFilter(django_filters.FilterSet):
    """`key` contains, `environment` exactly, `killed` or not."""

    KILLED = (("True", "Killed"), ("False", "Not killed"))

    key = django_filters.CharFilter(lookup_expr="icontains", label="Flag", max_length=100)
    environment = django_filters.CharFilter(label="Environment", max_length=64)
    killed = django_filters.ChoiceFilter(choices=KILLED, label="Kill switch", empty_label="Any")

    class Meta:
        model = Flag
        fields = ("key", "environment", "killed")
