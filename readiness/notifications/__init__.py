"""Who is told of what, how, and whether it arrived: notices, channels, rules, deliveries.

A subject of its own, because nothing else owns it. Whoever has something to say (capture, triage, lessons, operations,
programs) publishes a notice through the floor (readiness.infra.notices), and knows neither people nor channels; so it
may stand above all whom it serves, and nobody needs to import it. Operations is about the console's own running: how
its jobs and its outbox stand, not who is woken. It stands beside operations, above triage: that people were told is
written into the incident's timeline.
"""
