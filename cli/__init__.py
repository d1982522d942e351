"""The command line: thin commands, and the wiring that alone knows every implementation."""
