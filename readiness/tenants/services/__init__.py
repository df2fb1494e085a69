"""Pure rules of the subject: roles, scopes, keys, slugs, sign-in limits. No Django, no tables."""
