"""A media epoch as the push room holds it, made part by part."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from mediaserver.gateway.epoch import MediaEpoch
from mediaserver.gateway.push.media import EpochMedia


@dataclass
class Aired:
    """What was broadcast, as published to push."""

    made: Any
    """The `Broadcast`."""
    epoch: MediaEpoch
    media: EpochMedia

    def air(self, *messages: Any, publish: bool = True) -> "Aired":
        for message in messages:
            if hasattr(message, "number"):
                if self.epoch.add_part(message, 0):
                    self.media.lines[message.rendition].take(message)
            elif self.epoch.add_init(message):
                self.media.lines[message.rendition].take_init(message)
        if publish:
            self.media.publish(self.epoch)
        return self

    def many(self, count: int) -> "Aired":
        return self.air(*self.made.many(count))


@pytest.fixture
def aired_media(broadcast: Callable[..., Any]) -> Callable[..., Aired]:
    """Begins an epoch; the keywords are those of `Broadcast`."""

    def begin(**keywords: Any) -> Aired:
        made = broadcast(**keywords)
        inits = made.inits()
        epoch = MediaEpoch(inits[0], window_s=12)
        return Aired(made, epoch, EpochMedia(inits[0])).air(*inits, publish=False)

    return begin
