"""WebRTC in: one UDP port for all publishes, RTP to access units on the show's timeline."""
