"""Configurations for the agents that people run already, to send the lines of files to the collector."""
