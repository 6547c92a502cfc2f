"""The show log: what happens in a show, in order, on media time.

`log` appends and reads, `events` knows each type's data, `fold` makes the state of a show from
its events, `cues` holds the rules of pin and unpin. `fold` and `events` know no database, so that
whoever receives events can fold them too.
"""
