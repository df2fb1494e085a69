"""The doors of capture, machine writes only: one module for each protocol."""
