"""What Bulkdl is compared with, each a program of its own that speaks the protocol of `peers.protocol`."""
