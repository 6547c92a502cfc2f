"""`comptoir check`: whether an LL-HLS origin keeps the rules that players and caches rely on.

A black box over HTTP. `fetch` gets bytes within bounds; `read_media`, `read_multivariant`, `boxes`
and `id3` read them with no help from what writes ours; `observe` follows the live edge of every
rendition and `probes` asks what no player would; `rules` judge what was seen; `report` says it to
people and programs.
"""
