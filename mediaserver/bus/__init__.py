"""How our processes speak: typed messages (`messages`) over Unix sockets (`unix`).

Every child dials main's socket and says `Hello`; main never dials. A child that loses main goes on
with its work and dials again, so that ``kill -9`` of main costs seconds and nothing on air.
"""
