"""The actors: `dramatiq actors` finds the broker and every actor here."""

from actors.worker import broker as broker

from actors import downloads as downloads  # isort: skip - the broker must be there before an actor is declared
