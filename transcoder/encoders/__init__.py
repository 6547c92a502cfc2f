"""FFmpeg's encoders as rungs use them: one picture in, one sample out, at once.

`families` knows the words of each encoder, `opening` opens one or what stands in for it,
`bitstreams` reads what comes out, `boost` makes one picture better than its neighbours. All of it
is told by `transcoder.encode.RungEncoder`.
"""
