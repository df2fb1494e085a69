"""OpenTelemetry's protocol (OTLP/HTTP), pure: bodies, what is read of them, the errors in it, stacks, answers."""
