"""The fan-out to viewers: everything is done once per part, nothing per viewer.

Pure: `window` (what a rendition lists and holds), `epoch` (the renditions of a media epoch),
`blocking` (delivery directives), `paths`, `ranges`, `encodings`. Over them, still without a socket:
`publication` (playlists rendered and gzipped once, and who waits for them), `shows` (what main
tells), `origin` (a path and its query → an answer, or something to wait for). `server`, `faces`,
`proxy` and `process` are the aiohttp shell; another HTTP layer can serve the same bytes.
"""
