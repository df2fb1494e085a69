"""Pure capture: decode, frame, read, scrub, classify, fingerprint. No Django, no tables."""
