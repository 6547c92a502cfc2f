"""``python -m bench.ingest``: what bad lines do to a show, beside stock aiortc."""
