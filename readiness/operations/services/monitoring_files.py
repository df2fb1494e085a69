"""What ships for Prometheus and Grafana, with the addresses of this installation put in."""

from pathlib import Path
from urllib.parse import urlsplit

SHIPPED = Path(__file__).resolve().parent.parent / "monitoring"
DASHBOARD, RULES, CONFIG = "grafana-dashboard.json", "prometheus-rules.yml", "prometheus.yml"


def monitoring_files(*, base_url: str, token_file: Path) -> dict[str, str]:
    """name → text: the dashboard and the rules as they ship, and a Prometheus configuration for `base_url`."""
    base = urlsplit(base_url)
    config = (SHIPPED / CONFIG).read_text()
    for shipped, here in {
        "scheme: http\n": f"scheme: {base.scheme}\n",
        "credentials_file: metrics.token\n": f'credentials_file: "{token_file}"\n',
        '"127.0.0.1:8000"': f'"{base.netloc}"',
    }.items():
        assert config.count(shipped) == 1, f"{CONFIG} holds {shipped!r} {config.count(shipped)} times"
        config = config.replace(shipped, here)
    return {CONFIG: config, RULES: (SHIPPED / RULES).read_text(), DASHBOARD: (SHIPPED / DASHBOARD).read_text()}
