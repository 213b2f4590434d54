"""Random items and expressions, of the grammar that the stores use and a little beyond it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Names = dict[str, str]
Values = dict[str, Any]

TEXTS = st.sampled_from(["", "a", "ab", "b", "ä", "2026-01-01T00:00:00Z", "10", "9"])
NUMBERS = st.sampled_from(["0", "1", "2", "-1", "10", "9.50", "0.1", "12345678901234567890", "1E+3"])
SCALARS = st.one_of(
    st.builds(lambda text: {"S": text}, TEXTS),
    st.builds(lambda number: {"N": number}, NUMBERS),
    st.builds(lambda flag: {"BOOL": flag}, st.booleans()),
    st.just({"NULL": True}),
)
SETS = st.one_of(
    st.builds(lambda texts: {"SS": texts}, st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, unique=True)),
    st.builds(lambda numbers: {"NS": numbers}, st.lists(st.sampled_from(["1", "2", "3"]), min_size=1, unique=True)),
)
LISTS = st.builds(lambda parts: {"L": parts}, st.lists(SCALARS, max_size=3))
MAPS = st.builds(
    lambda parts: {"M": parts}, st.dictionaries(st.sampled_from(["x", "y", "z"]), st.one_of(SCALARS, LISTS), max_size=3)
)
VALUES = st.one_of(SCALARS, SCALARS, SETS, LISTS, MAPS)
_ANYTHING = st.dictionaries(st.sampled_from(["a", "b", "n", "m", "l", "e"]), VALUES, max_size=5)
_TEXT = st.one_of(st.just({}), st.builds(lambda text: {"s": {"S": text}}, TEXTS))
ITEMS = st.builds(lambda anything, text: anything | text, _ANYTHING, _TEXT)
PATHS = st.sampled_from(["#a", "#b", "#n", "#m", "#l", "#e", "#m.#x", "#m.#y", "#m.#z", "#a.#x", "#l[0]", "#m.#x[1]"])
OPERANDS_OF_TYPES = st.sampled_from(["S", "N", "M", "L", "SS", "BOOL", "NULL"])


class Draft:
    """An expression that is being written, with the names and values that it uses."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.names: Names = {}
        self.values: Values = {}

    def path(self) -> str:
        path: str = self.draw(PATHS)
        for part in path.replace("[0]", "").replace("[1]", "").split("."):
            self.names[part] = part[1:]
        return path

    def value(self, values: Any = VALUES) -> str:
        name = f":v{len(self.values)}"
        self.values[name] = self.draw(values)
        return name

    def condition(self, depth: int = 2) -> str:
        kind = self.draw(st.integers(0, 9 if depth else 6))
        if kind == 0:
            return f"attribute_exists({self.path()})"
        if kind == 1:
            return f"attribute_not_exists({self.path()})"
        if kind == 2:
            # Of a text or nothing: the second engine refuses other kinds, where DynamoDB's answer is no.
            self.names["#s"] = "s"
            return f"begins_with(#s, {self.value(_STARTS)})"
        if kind == 3:
            return f"{self.path()} IN ({self.value()}, {self.value()})"
        if kind == 4:
            low, high = sorted(self.draw(st.tuples(st.integers(-3, 12), st.integers(-3, 12))))
            return f"{self.path()} BETWEEN {self._number(low)} AND {self._number(high)}"
        if kind == 5:
            return f"contains({self.path()}, {self.value(SCALARS)})"
        if kind == 6:
            return f"{self.path()} {self.draw(st.sampled_from(['=', '<>', '<', '<=', '>', '>=']))} {self.value()}"
        if kind == 7:
            return f"NOT ({self.condition(depth - 1)})"
        joined = " AND " if kind == 8 else " OR "
        return f"({self.condition(depth - 1)}{joined}{self.condition(depth - 1)})"

    def update(self) -> str:
        sets = [self._assignment() for _ in range(self.draw(st.integers(0, 3)))]
        removes = [self.path() for _ in range(self.draw(st.integers(0, 2)))]
        if not sets and not removes:
            sets = [self._assignment()]
        parts = [f"SET {', '.join(sets)}"] if sets else []
        parts += [f"REMOVE {', '.join(removes)}"] if removes else []
        if self.draw(st.integers(0, 4)) == 0:
            parts.append(f"ADD #k {self.value(st.one_of(st.just({'N': '3'}), SETS))}")
            self.names["#k"] = "n"
        if self.draw(st.integers(0, 4)) == 0:
            parts.append(f"DELETE #d {self.value(SETS)}")
            self.names["#d"] = "e"
        return " ".join(parts)

    def _assignment(self) -> str:
        kind = self.draw(st.integers(0, 5))
        path = self.path()
        if kind == 0:
            return f"{path} = {self.path()} {self.draw(st.sampled_from(['+', '-']))} {self.value(_NUMBERS)}"
        if kind == 1:
            return f"{path} = if_not_exists({self.path()}, {self.value(_NUMBERS)}) + {self.value(_NUMBERS)}"
        if kind == 2:
            return f"{path} = if_not_exists({self.path()}, {self.value()})"
        if kind == 3:
            return f"{path} = list_append({self.path()}, {self.value(LISTS)})"
        return f"{path} = {self.value()}"

    def _number(self, number: int) -> str:
        name = f":v{len(self.values)}"
        self.values[name] = {"N": str(number)}
        return name

    def more(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.names:
            found["ExpressionAttributeNames"] = self.names
        if self.values:
            found["ExpressionAttributeValues"] = self.values
        return found


_STARTS = st.builds(lambda text: {"S": text}, st.sampled_from(["a", "ab", "2026"]))
_NUMBERS = st.builds(lambda number: {"N": number}, st.sampled_from(["0", "1", "2", "-5", "1.5"]))


@st.composite
def conditions(draw: Any) -> dict[str, Any]:
    """A condition with its names and values."""
    draft = Draft(draw)
    return {"ConditionExpression": draft.condition(), **draft.more()}


@st.composite
def updates(draw: Any) -> dict[str, Any]:
    """An update with its names and values."""
    draft = Draft(draw)
    return {"UpdateExpression": draft.update(), **draft.more()}


@st.composite
def ranges(draw: Any) -> tuple[str, Values]:
    """A condition on the sort key, or none."""
    low, high = sorted(draw(st.tuples(*[st.sampled_from(["A", "A#1", "A#2", "B", "Ä", "Z"])] * 2)))
    found: tuple[str, Values] = draw(
        st.sampled_from(
            [
                ("", {}),
                ("begins_with(SK, :l)", {":l": {"S": low}}),
                ("SK BETWEEN :l AND :h", {":l": {"S": low}, ":h": {"S": high}}),
                ("SK < :l", {":l": {"S": low}}),
                ("SK >= :l", {":l": {"S": low}}),
                ("SK = :l", {":l": {"S": low}}),
            ]
        )
    )
    return found
