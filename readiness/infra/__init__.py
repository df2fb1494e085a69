"""The floor: correlation, envelope, redaction, transactions and intents, append-only tables, problems, outbox."""
