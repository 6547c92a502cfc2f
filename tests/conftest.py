"""What holds for every test."""

from hypothesis import settings

# A machine that is busy is no counter-example.
settings.register_profile("comptoir", settings.default, deadline=None)
settings.load_profile("comptoir")
