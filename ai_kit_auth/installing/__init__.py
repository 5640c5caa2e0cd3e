"""The three steps of the installation, as changes of a project's own files."""
