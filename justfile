# What contributors run most; `just` without a name lists it.

bin := ".venv/bin"

# List the recipes.
default:
    @just --list

# Make the environment.
setup:
    python3 -m venv .venv
    {{bin}}/pip install -q -e '.[test,dev,docs]' -c .ci/constraints.txt

# Run the ordinary tests, or the files that are named.
test *files:
    {{bin}}/pytest {{files}}

# Run the slow tests, and property tests with fresh examples.
test-slow:
    {{bin}}/pytest -m "slow and not bench" -n 0
    {{bin}}/pytest -m "hypothesis and not slow and not bench" --hypothesis-profile=deep

# Lint, check the format, the types and the order of imports.
check:
    {{bin}}/ruff check .
    {{bin}}/ruff format --check .
    {{bin}}/mypy
    {{bin}}/lint-imports

# Mend what ruff can mend.
fix:
    {{bin}}/ruff check --fix .
    {{bin}}/ruff format .

# Check that README and documentation are true, and write the site to site/.
docs:
    {{bin}}/pytest tests/flow/test_docs.py tests/flow/test_site.py
    {{bin}}/zensical build --strict
