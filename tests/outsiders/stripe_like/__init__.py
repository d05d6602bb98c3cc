"""The provider Tollhouse: a small package that nobody installed."""
