"""HLS playlists as frozen values that render themselves (rfc8216bis).

One file per family of tags, named as the specification's sections are; `media` and `multivariant`
put the tags in order. Nothing here knows a window, a socket or a clock: whoever holds the media
says what is listed. Times come in ticks (`transcoder.values`).
"""
