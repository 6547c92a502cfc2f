"""The middle of an HEVC sequence parameter set, which is only read past (ITU-T H.265 §7.3)."""

from transcoder.cmaf.bits import BitReader
from transcoder.errors import MediaError

_MAX_SHORT_SETS = 64
_MAX_LONG_PICTURES = 32
_MAX_PICTURES = 16


def skip_to_vui(reader: BitReader, *, sub_layers: int) -> bool:
    """Read from log2_max_pic_order_cnt_lsb_minus4 to vui_parameters_present_flag; answers that."""
    order_bits = reader.ue() + 4
    if order_bits > 16:
        raise MediaError("an SPS has picture order counts of more than 16 bits")
    for _ in range(sub_layers + 1 if reader.flag() else 1):
        for _ in range(3):
            reader.ue()
    for _ in range(6):  # block sizes and transform depths
        reader.ue()
    if reader.flag() and reader.flag():  # scaling lists enabled, and here
        _skip_scaling_lists(reader)
    reader.bits(2)  # amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if reader.flag():  # pcm_enabled_flag
        reader.bits(8)
        reader.ue()
        reader.ue()
        reader.flag()
    _skip_short_sets(reader)
    if reader.flag():  # long_term_ref_pics_present_flag
        pictures = reader.ue()
        if pictures > _MAX_LONG_PICTURES:
            raise MediaError("an SPS names more than 32 long-term pictures")
        reader.bits((order_bits + 1) * pictures)
    reader.bits(2)  # sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    return reader.flag()


def _skip_scaling_lists(reader: BitReader) -> None:
    """scaling_list_data (§7.3.4)."""
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not reader.flag():
                reader.ue()
                continue
            if size > 1:
                reader.se()
            for _ in range(min(64, 16 << 2 * size)):
                reader.se()


def _skip_short_sets(reader: BitReader) -> None:
    """Every st_ref_pic_set (§7.3.7)."""
    count = reader.ue()
    if count > _MAX_SHORT_SETS:
        raise MediaError("an SPS names more than 64 sets of pictures")
    pictures = 0
    for index in range(count):
        if index and reader.flag():
            reader.flag()
            reader.ue()
            pictures = sum(reader.flag() or reader.flag() for _ in range(pictures + 1))
        else:
            pictures = reader.ue() + reader.ue()
            if pictures > _MAX_PICTURES:
                raise MediaError("an SPS names a set of more than 16 pictures")
            for _ in range(pictures):
                reader.ue()
                reader.flag()
