"""Everything that happens to a failure: captured, triaged, learnt from, replayed."""
