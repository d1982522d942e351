"""The ways by which the SDK's bytes leave the process, one wire a module."""
