"""A project that installs every app of the package."""
