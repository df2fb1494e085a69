"""Which hash belongs to which incident, and the merges and splits that moved one."""

from django.db import models

from incidents.triage.models.incidents import Incident


class IncidentFingerprint(models.Model):
    """(project, algorithm version, hash) → incident, many to one: merges and splits are updates of these rows."""

    project_id = models.BigIntegerField()
    version = models.PositiveSmallIntegerField()
    fingerprint = models.CharField(max_length=32)
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="fingerprints")
    added_at = models.DateTimeField(null=True)
    first_error_id = models.CharField(max_length=36, blank=True, default="", db_default="")
    # The older version's hash by which it was attached to its incident after an upgrade of the algorithm.
    previous = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="followed_by")

    class Meta:
        db_table = "triage_incident_fingerprint"
        constraints = [
            models.UniqueConstraint(fields=["project_id", "version", "fingerprint"], name="triage_fingerprint_once"),
        ]


class GroupingEpoch(models.Model):
    """When a version of the grouping algorithm met its first unknown hash: the dual look-up ends a time after that."""

    project_id = models.BigIntegerField(default=0)
    version = models.PositiveSmallIntegerField(unique=True)
    began_at = models.DateTimeField()

    class Meta:
        db_table = "triage_grouping_epoch"

    def __str__(self) -> str:
        return f"Grouping version {self.version}"


class IncidentMerge(models.Model):
    """One incident was merged into another, and perhaps that was undone. `moved`: ids of the fingerprints that went;
    `before` and `after`: the target's fields that the merge changed, `status_before` the source's status.
    """

    project_id = models.BigIntegerField()
    source = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="merges")
    target = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="merges_taken")
    at = models.DateTimeField()
    actor = models.CharField(max_length=254)
    moved = models.JSONField(default=list)
    status_before = models.CharField(max_length=12)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.CharField(max_length=254, blank=True)

    class Meta:
        db_table = "triage_incident_merge"
        constraints = [
            # An incident is merged into one other at a time.
            models.UniqueConstraint(
                fields=["source"], condition=models.Q(undone_at__isnull=True), name="triage_merge_once"
            ),
        ]
        # merges_of(): what an incident's grouping page lists
        indexes = [models.Index(fields=["target", "-at"], name="triage_merge_target")]

    def __str__(self) -> str:
        return f"INC-{self.source_id} into INC-{self.target_id}"


class IncidentSplit(models.Model):
    """Hashes were split off one incident as another. `moved`: ids of the fingerprints that went. Merging the new one
    back undoes it.
    """

    project_id = models.BigIntegerField()
    parent = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="splits_given")
    new = models.OneToOneField(Incident, on_delete=models.PROTECT, related_name="split_off")
    at = models.DateTimeField()
    actor = models.CharField(max_length=254)
    moved = models.JSONField(default=list)

    class Meta:
        db_table = "triage_incident_split"
        # splits_of(): what an incident's grouping page lists
        indexes = [models.Index(fields=["parent", "-at"], name="triage_split_parent")]

    def __str__(self) -> str:
        return f"INC-{self.new_id} off INC-{self.parent_id}"
