from pathlib import Path


def test_declared_packages_are_the_folders(root, packages, project_files):
    """The packages in pyproject.toml are exactly the folders that hold an __init__.py."""
    apart = {"tests", "benchmarks", "docs"}
    on_disk = {
        path.parent for path in project_files if path.name == "__init__.py" and path.parts[0] not in apart
    }
    assert set(packages.values()) == on_disk


def test_every_package_is_typed(root, packages):
    """Every package has a py.typed, so that type checkers read its annotations."""
    assert [name for name, folder in packages.items() if not (root / folder / "py.typed").is_file()] == []


def test_every_module_is_in_a_package(packages, package_files):
    """No Python file lies in a folder of a package that is not declared itself."""
    folders = set(packages.values())
    assert [path for path in package_files if path.suffix == ".py" and path.parent not in folders] == []


def test_no_folder_is_called_mlmon(root):
    """There is no real folder mlmon at the top, which would hide the mapped packages."""
    assert not Path(root, "mlmon").exists()
