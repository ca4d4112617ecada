"""`python -m bulkdl`: see `bulkdl.local`."""

from bulkdl.local.start import main

if __name__ == "__main__":
    raise SystemExit(main())
