"""The bytes of fragmented MP4 (ISO/IEC 14496-12), muxed for HLS: written here, and read back.

`movie` writes the init section and `fragment` a part; `emsg` and `id3` what is said in band beside
it; `sps`, `avc` and `aac` know the codecs' headers. `reader` and `runs` read boxes that may come
from anywhere and raise nothing but `MediaError`. Pure functions over bytes.
"""
