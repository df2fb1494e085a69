"""Who is told of what, how, and whether it arrived: notices, channels, rules, deliveries.

A subject of its own, because nothing else owns it. Whoever has something to say (capture, triage, lessons, operations,
programs) publishes a notice through the floor (readiness.infra.notices) and knows neither people nor channels. It
stands above triage, for that people were told is written into the incident's timeline, and below operations, whose page
says when nobody would be told: that one is about the console's own running, not about who is woken by an incident.
"""
