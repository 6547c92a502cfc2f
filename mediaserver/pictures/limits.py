"""What a picture may be, and what is made of it."""

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 40_000_000
MAX_SIDE = 16_384
WIDTHS = (320, 640, 1280)
SHOWN_WIDTH = 640
"""Of the file whose address a product names."""
