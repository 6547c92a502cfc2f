"""One command per claim: ``python -m bench.NAME [--quick] [--help]``.

Each bench prints a table for people and, as its last line, one JSON object
``{"bench": NAME, "machine": …, "figures": {…}}``. The end-to-end tests drive the same server
(`bench.node`), host and browsers (`bench.chromium`) as the benches do.
"""
