"""Measuring encoder profiles on this machine and this footage, and proposing a better one.

`clip` makes a host of a file, `variants` says what to try, `show` sends the host through an
`EpochRun` as fast as the machine can, `quality` compares what comes out with what went in, `crowd`
runs several shows at once; `session` is the order of all that. `hull`, `choice` and `recommend` are
pure, and `report` writes it down. Besides our own encoders it runs the FFmpeg of `imageio-ffmpeg`.
"""
