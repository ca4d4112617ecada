"""The processes beside the web: `dramatiq actors.downloads` is a worker, `python -m actors.clock` the clock."""
