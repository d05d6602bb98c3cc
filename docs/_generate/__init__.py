"""What docs/generate.py makes: a module for each kind of page."""
