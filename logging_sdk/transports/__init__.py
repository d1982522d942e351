"""The ways by which the SDK's bytes leave the process, one wire a module."""

# The first connection would load it in the shipping thread. A fork at that moment leaves the child with half
# of it, and the child could never look up a host.
import encodings.idna  # noqa: F401
