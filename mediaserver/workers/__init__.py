"""Processes: what a child is (`child`), the supervisor that keeps them alive, the worker pool."""
