"""Encoder profiles: what a show is encoded to, and the rungs that one source makes of it.

A profile is a YAML file of one `Profile` (`transcoder.profile_files`);
``configs/profiles/default.yaml`` shows every key with its default. Whatever cannot be used is
refused with one sentence for each fault: the key's path, what was given, what is legal.

Inside: `profile` and its `sections` and `rung`s, the `encoders` that a rung may name, `plan` for
what a source makes of them, `refusals` for the sentences.
"""

from transcoder.profiles.encoders import (
    ENCODERS,
    SOFTWARE,
    Codec,
    EncoderFacts,
    EncoderName,
    unavailable,
)
from transcoder.profiles.plan import MAX_SIDE, RungPlan, plan_rungs
from transcoder.profiles.profile import (
    LEGAL_RATES,
    MAX_RUNGS,
    Passthrough,
    Profile,
    Scaler,
    validated,
)
from transcoder.profiles.rung import MIN_SIDE, H264Profile, Rung
from transcoder.profiles.sections import (
    AudioProfile,
    OnPinProfile,
    OverloadProfile,
    PicturesProfile,
    ShedStep,
    SlateProfile,
)

__all__ = [
    "ENCODERS",
    "LEGAL_RATES",
    "MAX_RUNGS",
    "MAX_SIDE",
    "MIN_SIDE",
    "SOFTWARE",
    "AudioProfile",
    "Codec",
    "EncoderFacts",
    "EncoderName",
    "H264Profile",
    "OnPinProfile",
    "OverloadProfile",
    "Passthrough",
    "PicturesProfile",
    "Profile",
    "Rung",
    "RungPlan",
    "Scaler",
    "ShedStep",
    "SlateProfile",
    "plan_rungs",
    "unavailable",
    "validated",
]
