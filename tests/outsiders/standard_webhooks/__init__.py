"""The provider Farthing: a small package that nobody installed."""
