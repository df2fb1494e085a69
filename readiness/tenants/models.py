"""Tables of the people, tenants, projects and keys, and the constraints that hold whoever writes to them.

`project_id` is on every table (0 = the installation itself): Project's primary key is that number, so the tables of
the other subjects carry it as a plain integer.
"""

from typing import Any, ClassVar

from django.contrib.auth import hashers
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Length, Lower
from django.db.models.lookups import Exact

from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write

INSTALLATION_PROJECT_ID = 0


class UserManager(BaseUserManager["User"]):
    """People by e-mail. `createsuperuser` comes here without a use-case, so the intent is declared here."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A person; `password=None` leaves an unusable password. The e-mail is kept in lower case."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        with atomic_write():
            user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A founder: the role that may do everything."""
        return self.create_user(email, password, **{**fields, "role": "founder"})

    def get_by_natural_key(self, username: str | None) -> "User":
        """The person with this e-mail, however it is capitalised."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    """A person who signs in by e-mail. What a person may do follows from the role alone; there are no groups.

    Founders do everything; engineers all but people, keys, tenants and deletion; viewers read.
    """

    class Role(models.TextChoices):
        FOUNDER = "founder", "Founder"
        ENGINEER = "engineer", "Engineer"
        VIEWER = "viewer", "Viewer"

    # Django writes last_login from a signal, outside any use-case; without the field it does not connect that signal
    # (django.contrib.auth.apps), and the sign-in workflow writes last_sign_in_at instead.
    last_login = None

    email = models.EmailField("e-mail", unique=True)
    name = models.CharField(max_length=120, blank=True, default="")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.VIEWER)
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(default=utcnow)
    last_sign_in_at = models.DateTimeField(null=True, blank=True)
    project_id = models.BigIntegerField(default=INSTALLATION_PROJECT_ID)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    class Meta:
        db_table = "tenants_user"
        verbose_name, verbose_name_plural = "person", "people"
        ordering = ("email",)
        constraints = (
            # Lower case only, so that the unique index on the column is case-insensitive.
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="tenants_user_email_lower"),
            models.CheckConstraint(
                condition=models.Q(role__in=("founder", "engineer", "viewer")), name="tenants_user_role_known"
            ),
        )

    def __str__(self) -> str:
        return self.name or self.email

    def check_password(self, raw_password: str | None) -> bool:
        """Only checks. Django's version also stores a renewed hash; that write belongs to the sign-in workflow."""
        return hashers.check_password(raw_password, self.password)

    @property
    def is_staff(self) -> bool:
        """Everyone active may enter the admin; what they may do there follows from the role (viewers only read)."""
        return self.is_active

    @property
    def is_superuser(self) -> bool:
        return self.is_active and self.role == self.Role.FOUNDER

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Whether the role holds `app_label.action_model`, as Django's admin asks."""
        app_label, _, codename = perm.partition(".")
        action = codename.partition("_")[0]
        if not self.is_active:
            return False
        if self.role == self.Role.FOUNDER:
            return True
        if self.role == self.Role.ENGINEER and action in {"add", "change"}:
            return app_label != self._meta.app_label
        return action == "view" and self.role in self.Role.values

    def has_perms(self, perm_list: list[str], obj: object = None) -> bool:
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        """Everyone reads everything, so everyone sees every app in the admin's index."""
        return self.is_active


class Tenant(models.Model):
    """A customer, or a product of the team's own, whose programs report here."""

    slug = models.CharField(max_length=63, unique=True)
    name = models.CharField(max_length=120)
    synthetic = models.BooleanField(default=False, help_text="Made by the console itself; kept out of every figure.")
    created_at = models.DateTimeField(default=utcnow)
    project_id = models.BigIntegerField(default=INSTALLATION_PROJECT_ID)

    class Meta:
        db_table = "tenants_tenant"
        ordering = ("slug",)
        constraints = (
            models.CheckConstraint(condition=models.Q(slug=Lower("slug")), name="tenants_tenant_slug_lower"),
            models.CheckConstraint(condition=~models.Q(slug=""), name="tenants_tenant_slug_given"),
        )

    def __str__(self) -> str:
        return self.slug


class Project(models.Model):
    """What a DSN points at. Its primary key is the `project_id` of every table."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField(default=utcnow)

    class Meta:
        db_table = "tenants_project"
        ordering = ("id",)
        constraints = (
            # One project a tenant until a user asks for more: dropping this constraint is then the whole migration.
            models.UniqueConstraint(fields=("tenant",), name="tenants_project_one_per_tenant"),
            models.CheckConstraint(condition=models.Q(id__gt=0), name="tenants_project_id_positive"),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.pk})"


class ApiKey(models.Model):
    """A machine's key. Only a keyed hash is stored; `prefix` is what lists show. `tenant` null = the installation's."""

    class Origin(models.TextChoices):
        ONBOARDING = "onboarding", "Onboarding"
        FOUNDER = "founder", "A founder"

    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=12)
    key_hash = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    tenant = models.ForeignKey(Tenant, null=True, blank=True, on_delete=models.PROTECT, related_name="api_keys")
    project_id = models.BigIntegerField(default=INSTALLATION_PROJECT_ID)
    environment = models.CharField(max_length=64, default="production")
    origin = models.CharField(max_length=16, choices=Origin.choices, default=Origin.FOUNDER)
    created_at = models.DateTimeField(default=utcnow)
    created_by = models.CharField(max_length=160)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=160, blank=True, default="")

    class Meta:
        db_table = "tenants_api_key"
        verbose_name = "API key"
        ordering = ("-created_at", "-id")
        indexes = (
            # "the keys of this tenant", newest first: rotation, and the Connect page
            models.Index(fields=("tenant", "-created_at"), name="tenants_key_by_tenant"),
        )
        constraints = (
            models.CheckConstraint(
                condition=models.Q(tenant__isnull=True, project_id=0)
                | models.Q(tenant__isnull=False, project_id__gt=0),
                name="tenants_key_project_fits",
            ),
            models.CheckConstraint(
                condition=models.Q(origin="founder") | models.Q(tenant__isnull=False),
                name="tenants_key_onboarded_tenant",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class DsnKey(models.Model):
    """The public half of a Sentry DSN. Public by nature; `trusted` only where founders say it stays on servers."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="dsn_keys")
    public_key = models.CharField(max_length=32, unique=True)
    trusted = models.BooleanField(default=False)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=utcnow)
    label = models.CharField(max_length=120, blank=True, default="")

    class Meta:
        db_table = "tenants_dsn_key"
        verbose_name = "DSN key"
        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(condition=Exact(Length("public_key"), 32), name="tenants_dsn_key_length"),
        )

    def __str__(self) -> str:
        return self.public_key


class LoginAttempt(models.Model):
    """One judged sign-in. The e-mail is kept as a keyed hash; `ip` is the source that the limits count by."""

    email_hash = models.CharField(max_length=64)
    ip = models.CharField(max_length=45)
    at = models.DateTimeField(default=utcnow)
    ok = models.BooleanField(default=False)
    project_id = models.BigIntegerField(default=INSTALLATION_PROJECT_ID)

    class Meta:
        db_table = "tenants_login_attempt"
        ordering = ("-at", "-id")
        indexes = (
            # the failures of a source in the last quarter of an hour; then: what is old enough to forget
            models.Index(fields=("ip", "at"), name="tenants_login_by_ip"),
            models.Index(fields=("at",), name="tenants_login_by_time"),
        )

    def __str__(self) -> str:
        return f"{self.ip} {'in' if self.ok else 'refused'}"
