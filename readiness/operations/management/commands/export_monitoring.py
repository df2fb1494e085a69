"""`manage.py export_monitoring DIR`: the dashboard, the rules and a configuration for Prometheus, ready to use."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from readiness.operations.services.monitoring_files import CONFIG, DASHBOARD, monitoring_files


class Command(BaseCommand):
    help = "Write Prometheus' rules and configuration and Grafana's dashboard for this installation into a directory."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path, help="made if it is not there")
        parser.add_argument("--url", default=settings.READINESS_BASE_URL, help="where Prometheus reaches the console")

    def handle(self, *args: Any, directory: Path, url: str, **options: Any) -> None:
        token_file = settings.READINESS_HOME / "metrics.token"
        if not url.startswith(("http://", "https://")):
            raise CommandError(f"--url is {url!r}; give scheme and host, for example http://console.internal:8000.")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            for name, text in monitoring_files(base_url=url, token_file=token_file).items():
                self._write(directory / name, text)
        except OSError as refused:
            raise CommandError(f"{directory} cannot be written ({refused}). Name a directory that can.") from None
        kept = (
            "is able to read it (a copy elsewhere will do)"
            if token_file.exists()
            else "finds READINESS_METRICS_TOKEN there"
        )
        self.stdout.write(
            f"See to it that Prometheus {kept}: {token_file}\n"
            f"Then: prometheus --config.file={directory / CONFIG}\n"
            f"In Grafana: Dashboards, New, Import, {DASHBOARD}."
        )

    def _write(self, path: Path, text: str) -> None:
        """The configuration is the operator's once it is there; rules and dashboard are replaced by newer ones."""
        if path.name == CONFIG and path.exists():
            self.stdout.write(f"{path} is there and stays as it is.")
            return
        path.write_text(text)
        self.stdout.write(f"{path} is written.")
