"""Pure rules of programs: from a definition and the recorded facts to a verdict. No Django, no tables."""
