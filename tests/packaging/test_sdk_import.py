import subprocess
import sys

# msgspec loads typing_extensions where it is installed.
OWN_FEW = {"mlmon", "msgspec", "orjson", "typing_extensions"}
PROBE = """
import sys
before = set(sys.modules)
import mlmon.logging_sdk
print(*sorted({name.split(".")[0] for name in set(sys.modules) - before}))
"""


def test_the_sdk_loads_its_own_few():
    """Importing the SDK into a model service loads its own few distributions and the standard library."""
    probe = subprocess.run([sys.executable, "-c", PROBE], check=True, capture_output=True, text=True)
    assert set(probe.stdout.split()) - OWN_FEW - sys.stdlib_module_names == set()
