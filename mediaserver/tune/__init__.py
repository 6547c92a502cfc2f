"""`comptoir tune`: its command line, its progress bars, and recording from a show on air.

The measuring itself is `transcoder.tune`.
"""
