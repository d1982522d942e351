import re

# Written so that no pattern matches itself: this file is one of those it reads.
MACHINE_PATHS = [rf"(?<![\w.])/{folder}/" for folder in ("work", "root", "home/[a-z]+", "tmp/venv")]
REGISTRY_HOSTS = [
    r"\bpypi\.org",
    r"pythonhosted\.org",
    r"registry\.npmjs",
    r"\brepo1?\.maven",
    r"proxy\.golang\.org",
    r"deb\.debian\.org",
    r"[a]rtifactory",
    r"[-]-(extra-)?index-url",
]
FORBIDDEN = re.compile("|".join([*MACHINE_PATHS, *REGISTRY_HOSTS]))


def test_no_file_names_a_machine_path_or_a_registry(root, project_files):
    """No file of the project names an absolute path of one machine, or the host of a package registry."""
    found = []
    for path in project_files:
        try:
            text = (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path}: {match.group()}" for match in FORBIDDEN.finditer(text)]
    assert found == []


def test_the_guard_finds_what_it_forbids():
    """The pattern finds a machine's path and a registry's host, and leaves a relative path alone."""
    assert FORBIDDEN.search("see /" + "work/main")
    assert FORBIDDEN.search("https://pypi." + "org/simple")
    assert not FORBIDDEN.search("docs/work/plan.md")
