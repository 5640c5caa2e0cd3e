"""URLconfs of hosts that are set up in other ways, most of them wrong."""
