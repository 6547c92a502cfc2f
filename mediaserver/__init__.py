"""Everything that talks to a network: ingest, gateway, API, bus, processes, command line."""
