"""Capture: the Sentry protocol and the native envelope; classify, scrub, fingerprint, store."""
