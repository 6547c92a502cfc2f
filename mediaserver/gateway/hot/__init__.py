"""The hot layer: HTTP for thousands of viewers, from finished bytes.

A connection (`connection`) frames a request's head (`head`), looks up what it asks for (`targets`),
and writes an `Answer` as bytes that were made once (`wire`). What is not hot goes to aiohttp on the
same connection, byte for byte (`cold`, `body`), which hands it back when that response has ended.
`listener` owns all of it, with one sweep a second for every time limit; `admission` says who may
come in.
"""
