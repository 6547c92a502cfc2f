"""From a part's last picture to the part: ``python -m bench.part_delay``."""
