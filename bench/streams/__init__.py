"""How many shows one machine holds: ``python -m bench.streams``."""
