"""The examples in the docstrings of pipelines; importing its modules takes seconds."""

import doctest
import importlib
import pkgutil

import pytest

import negawatt.pipelines

pytestmark = pytest.mark.slow


def test_every_example_in_a_docstring_gives_what_it_says() -> None:
    found = pkgutil.walk_packages(negawatt.pipelines.__path__, "negawatt.pipelines.")
    modules = [importlib.import_module(module.name) for module in found]

    results = {module.__name__: doctest.testmod(module) for module in modules}

    assert sum(result.attempted for result in results.values()) > 10
    assert [name for name, result in results.items() if result.failed] == []
