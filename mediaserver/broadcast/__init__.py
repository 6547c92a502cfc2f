"""What main knows of each show on air: who publishes, which worker encodes, what is in the window.

`show.ShowRunner` is the life of one show; `hub.Hub` hands it what the other processes say; `feed`
brings gateways up to date; `epochs` keeps what a restarted main must not forget.
"""
