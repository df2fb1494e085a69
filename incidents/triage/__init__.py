"""Incidents: fingerprint groups with a life, their timeline and their diagnosis clock."""
