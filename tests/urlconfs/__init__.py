"""URLconfs of other projects; most of them are wrong."""
