"""How many viewers a core holds: our gateway beside its peers, fed with the same made-up show.

The server under test runs on one core, the load generator (`c/load.c`) on another. `air` makes the
show, `feeder` gives it to the server as main would, `servers` knows how each server is started,
`load` runs the generator, `stage` measures one piece, `plan` says which pieces there are.
"""
