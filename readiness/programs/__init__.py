"""Programs: gates, rubrics, evidence and the computed verdict."""
