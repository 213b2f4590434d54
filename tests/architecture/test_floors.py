"""Imports point down, and siblings do not import each other (design, section 2)."""

from __future__ import annotations

import ast

import pytest

from tests.architecture import sources

FLOORS = [
    {"config", "config_billing", "model_config", "rules", "errors", "clock", "ids", "money", "once", "observe"},
    {"models"},
    {"web", "stores", "gateways"},
    {"identity", "billing", "documents", "chat", "reports", "privacy", "migration"},
    {"wiring_shared"},
    {"wiring_analysis", "wiring_billing", "wiring_constants", "wiring_migration"},
    {"wiring_backfill"},
    {"wiring"},
    {"app"},
]
MEDICAL_WORDS = ("medical", "laborator", "lab_result", "vital", "diagnos", "patient", "doctor")
PYNAMODB_HOMES = ("chalicelib.models", "chalicelib.stores")


def _room(module: str) -> str:
    return module.split(".")[1] if module.startswith("chalicelib.") else module


def _floor(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def _ours() -> list[str]:
    return [module for module in sources.modules() if module != "chalicelib"]


@pytest.mark.parametrize("module", _ours())
def test_imports_point_down(module: str) -> None:
    # What is run by hand stands on top, whatever folder it is found in.
    room = "app" if module.endswith(".__main__") else _room(module)
    for imported in sources.imports(sources.modules()[module]):
        if not imported.startswith("chalicelib.") or _room(imported) == room:
            continue
        below = _floor(_room(imported))
        is_ground_on_ground = below == 0 and _floor(room) == 0
        assert below < _floor(room) or is_ground_on_ground, f"{module} imports {imported}, which is not below it"


@pytest.mark.parametrize("module", _ours())
def test_nothing_that_ships_imports_what_does_not(module: str) -> None:
    for imported in sources.imports(sources.modules()[module]):
        assert imported.split(".")[0] not in {"dev", "deploy", "bench", "tests", "moto", "pytest"}, imported


@pytest.mark.parametrize("module", _ours())
def test_only_models_and_stores_know_pynamodb(module: str) -> None:
    if module.startswith(PYNAMODB_HOMES):
        return
    assert not [name for name in sources.imports(sources.modules()[module]) if name.split(".")[0] == "pynamodb"]


@pytest.mark.parametrize(
    "module",
    # The contract of sign-in names the five consents as the shipped app does.
    [name for name in _ours() if _room(name) in {"web", "identity"} and name != "chalicelib.identity.contract"],
)
def test_the_lower_floors_are_free_of_medical_words(module: str) -> None:
    names = {node.id for node in ast.walk(sources.modules()[module]) if isinstance(node, ast.Name)}
    names |= {function.name for function in sources.functions(sources.modules()[module])}
    assert not [name for name in names if any(word in name.lower() for word in MEDICAL_WORDS)]


def test_the_floors_name_every_room() -> None:
    rooms = {_room(module) for module in _ours()}
    assert rooms <= set().union(*FLOORS)
