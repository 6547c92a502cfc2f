"""The shop and its faces: no media, and no socket but its database's."""
