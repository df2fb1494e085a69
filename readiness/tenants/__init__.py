"""Tenants and their projects, people and their roles, keys and their scopes, onboarding."""
