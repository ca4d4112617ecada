"""Proof by breaking things: real processes, seeded faults, and what must hold after every one (docs/reliability.md)."""
