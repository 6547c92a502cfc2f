"""The ladder's cost and quality beside the FFmpeg command line: ``python -m bench.transcode``."""
