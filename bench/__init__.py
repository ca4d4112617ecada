"""Speed and memory, measured: `python -m bench --help`, explained in bench/README.md."""
