"""The launcher's long-lived half: starts the programs of one installation, restarts what dies, leaves no orphan.

`manage.py up` prepares the home and then becomes this process (`python -m readiness.supervisor`), which imports nothing
but the standard library and costs some ten megabytes.
"""
