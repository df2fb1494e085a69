"""The floor: correlation, envelope, redaction, transactions and their intents, append-only tables, problem details, outbox."""
