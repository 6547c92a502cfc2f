"""Passthrough: an H.264 source serves as the top rung itself, unencoded. Pure.

`control.Passthrough` is what the rest of the transcoder knows of it. It is told of every access
unit of video and of every slot; it says whether the source can be passed on (`fitness`, `rate`,
`segments`, `backoff`), hands out its access units slot by slot (`units`, `sets`, `line`) and says
when to ask the source for a keyframe, so that segments may begin where they are due
(`keyframe_timer`).
"""
