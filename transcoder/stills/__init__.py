"""Stills of a show: the poster that stands for it, and thumbnails to find a place in it by.

`values` is what leaves the worker, `render` makes pictures of a decoded one, `maker` does so in a
thread of its own, `shelf` keeps what is still wanted.
"""
