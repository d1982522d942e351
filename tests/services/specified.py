"""Bodies of requests held against what the makers publish: Elastic's schema, and OpenSearch's types.

Both are made closed, so that a key or a word that nobody declared is an error and not an extension.
"""

import hashlib
import json
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest

ELASTIC = "@elastic/request-converter@9.5.0"
OPENSEARCH = "@opensearch-project/opensearch@3.9.0"
TYPESCRIPT = "typescript@5.9.3"
COMPILE_S = 120
_DURATION = {"anyOf": [{"type": "string", "pattern": r"^\d+(nanos|micros|ms|s|m|h|d)$"}, {"enum": [0, -1]}]}

Json = dict[str, Any]


class ClosedSchema:
    """JSON schemas made of Elastic's specification, which describes types in a form of its own."""

    def __init__(self, specification: Json) -> None:
        """Find the types by their names."""
        self._requests = {each["name"]: each["request"] for each in specification["endpoints"]}
        self._types = {_key(each["name"]): each for each in specification["types"]}
        self._made: Json = {"_types.Duration": _DURATION}

    def of(self, endpoint: str) -> Json:
        """The schema of an endpoint's body."""
        body = self._types[_key(self._requests[endpoint])]["body"]
        return {"$defs": self._made, **self._object((each, {}) for each in body["properties"])}

    def _object(self, properties: Iterable[tuple[Json, Json]]) -> Json:
        """The schema of an object with these properties, each with what is given to where it is declared."""
        schemas: Json = {}
        needed = []
        for each, given in properties:
            value = self._value(each["type"], given)
            schemas |= dict.fromkeys((each["name"], *each.get("aliases", ())), value)
            needed += [each["name"]] if each["required"] and "aliases" not in each else []
        return {"type": "object", "properties": schemas, "required": needed, "additionalProperties": False}

    def _value(self, of: Json, given: Json) -> Json:
        """The schema of a value; `given` is what stands for a generic type's parameters."""
        match of["kind"]:
            case "array_of":
                return {"type": "array", "items": self._value(of["value"], given)}
            case "union_of":
                return {"anyOf": [self._value(each, given) for each in of["items"]]}
            case "dictionary_of":
                most = {"maxProperties": 1} if of["singleKey"] else {}
                return {"type": "object", "additionalProperties": self._value(of["value"], given)} | most
            case "literal_value":
                return {"const": of["value"]}
            case "user_defined_value":
                return {}
            case "instance_of":
                return self._instance(of, given)
        raise AssertionError(f"the specification has a kind of value that is new: {of['kind']}")

    def _instance(self, of: Json, given: Json) -> Json:
        key = _key(of["type"])
        if key in given:
            found: Json = given[key]
            return found
        if of["type"]["namespace"] == "_builtins":
            return _BUILT_IN[of["type"]["name"]]
        if key == "_spec_utils.Stringified":
            return {"anyOf": [self._value(of["generics"][0], given), {"type": "string"}]}
        declared = self._types[key]
        inner = self._given(declared, of, given)
        if inner:
            key += f" of {hashlib.sha256(json.dumps(inner).encode()).hexdigest()}"
        if key not in self._made:
            self._made[key] = {}  # a type may speak of itself
            self._made[key] = self._declared(declared, inner)
        return {"$ref": f"#/$defs/{quote(key)}"}

    def _declared(self, declared: Json, given: Json) -> Json:
        match declared["kind"]:
            case "type_alias" if declared.get("variants", {}).get("kind") == "internal_tag":
                return self._tagged(declared["variants"], declared["type"]["items"], given)
            case "type_alias":
                return self._value(declared["type"], given)
            case "enum":
                return {"enum": list(_words(declared))}
            case "interface":
                made = self._object(self._properties(declared, given))
                for each in declared.get("behaviors", ()):
                    made |= self._words_as_keys(made, each.get("generics", ()), given)
                return made
        raise AssertionError(f"the specification has a kind of type that is new: {declared['kind']}")

    def _words_as_keys(self, made: Json, generics: Iterable[Json], given: Json) -> Json:
        """What an object takes beside its properties, where its keys are words of a list; else nothing."""
        match [*generics]:
            case [{"kind": "instance_of"} as key, value] if self._is_enum(key):
                names = {"anyOf": [{"enum": [*made["properties"]]}, self._value(key, given)]}
                return {"additionalProperties": self._value(value, given), "propertyNames": names}
        return {}

    def _is_enum(self, of: Json) -> bool:
        return bool(self._types.get(_key(of["type"]), {}).get("kind") == "enum")

    def _tagged(self, variants: Json, items: list[Json], given: Json) -> Json:
        """One of several types, chosen by a word in it; to try them all would take for ever."""
        tag, usual = variants["tag"], variants.get("defaultTag")
        found = {}
        for item in items:
            own = self._types[_key(item["type"])]["properties"]
            [word] = [each["type"]["value"] for each in own if each["name"] == tag]
            found[word] = self._value(item, given)
        choices = [
            {"if": {"properties": {tag: {"const": word}}, "required": [tag]}, "then": schema}
            for word, schema in found.items()
        ]
        absent = {"if": {"not": {"required": [tag]}}, "then": found.get(usual, False)}
        return {"type": "object", "properties": {tag: {"enum": [*found]}}, "allOf": [*choices, absent]}

    def _properties(self, declared: Json, given: Json) -> Iterator[tuple[Json, Json]]:
        """Its own properties and those it inherits. Others that it would take are left out."""
        yield from ((each, given) for each in declared["properties"])
        if "inherits" in declared:
            parent = self._types[_key(declared["inherits"]["type"])]
            yield from self._properties(parent, self._given(parent, declared["inherits"], given))

    def _given(self, declared: Json, of: Json, given: Json) -> Json:
        """What the parameters of a generic type stand for where it is used."""
        names = [_key(each) for each in declared.get("generics", ())]
        values = [self._value(each, given) for each in of.get("generics", ())]
        return dict(zip(names, values, strict=True))


_BUILT_IN: dict[str, Json] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "number": {"type": "number"},
    "null": {"type": "null"},
}


def _key(name: Json) -> str:
    return f"{name['namespace']}.{name['name']}"


def _words(declared: Json) -> Iterator[str | bool]:
    for member in declared["members"]:
        for word in (member["name"], *member.get("aliases", ())):
            yield word
            if word in ("true", "false"):
                yield word == "true"


@pytest.fixture(scope="session")
def elastic_complaints(from_npm) -> Callable[[str, Json], list[str]]:
    """Give a function of an endpoint and a body: what Elastic's published schema has against the body."""
    specification = json.loads((from_npm(ELASTIC) / "dist" / "schema.json").read_text())
    closed = ClosedSchema(specification)

    def complain(endpoint: str, body: Json) -> list[str]:
        found = jsonschema.Draft202012Validator(closed.of(endpoint)).iter_errors(body)
        return [f"{error.json_path}: {jsonschema.exceptions.best_match([error]).message}" for error in found]

    return complain


@pytest.fixture
def opensearch_complaints(from_npm, tmp_path) -> Callable[[list[tuple[str, str, Json]]], str]:
    """Give a function of modules, types and bodies: what the compiler has against them, all at once.

    TypeScript refuses a key that a type does not have wherever an object is written out.
    """
    compiler = from_npm(TYPESCRIPT) / "lib" / "tsc.js"
    types = from_npm(OPENSEARCH) / "api"

    def complain(bodies: list[tuple[str, str, Json]]) -> str:
        lines = [
            f"export const body{number}: import({json.dumps(str(types / module))}).{name} = "
            + json.dumps(body)
            for number, (module, name, body) in enumerate(bodies)
        ]
        file: Path = tmp_path / "bodies.ts"
        file.write_text("\n".join(lines) + "\n")
        options = {"noEmit": True, "strict": True, "skipLibCheck": True, "types": []}
        (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": options}))
        command = ["node", str(compiler), "--project", str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_S, check=False)
        return done.stdout + done.stderr

    return complain
