"""Functions from a store and a window to metrics and findings, one question a module."""
