"""The one place that holds capture's queries, a module for each thing that is asked."""
