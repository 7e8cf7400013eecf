"""YAML result files. Built from the parser's node graph, not from its objects: nodes know their text and their place."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from types import MappingProxyType

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from paperbuild.errors import BuildError
from paperbuild.paper.data import Number, Value, integer
from paperbuild.paper.malformed import malformed

_TAG = "tag:yaml.org,2002:"
_DECIMAL_INTEGER = re.compile(r"[+-]?[0-9]+")
_TRUE = frozenset({"true", "yes", "on", "y"})


def read_yaml(path: str, text: str) -> Value:
    """Return what the YAML ``text`` holds; an empty file is an empty mapping. Keys are strings, as written.

    Raises:
        BuildError: malformed YAML, a key twice, an alias to itself, or a tag of a program's own.
    """
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        told = error.problem or error.context or "it cannot be parsed"
        raise malformed("PB301", path, text, mark.index if mark else 0, f"{path} is not valid YAML: {told}") from None
    except YAMLError as error:
        position = getattr(error, "position", 0)
        told = getattr(error, "reason", "it cannot be parsed")
        raise malformed("PB301", path, text, position, f"{path} is not valid YAML: {told}") from None
    return _Conversion(path, text).value(root) if root is not None else MappingProxyType({})


class _Conversion:
    """From nodes to values; a node that several aliases name is converted once, so that aliases cannot multiply."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self._done: dict[int, Value] = {}
        self._open: set[int] = set()

    def value(self, node: Node) -> Value:
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            raise self._fault(node, "PB301", "an alias contains itself")
        if id(node) not in self._done:
            self._open.add(id(node))
            self._done[id(node)] = self._collection(node)
            self._open.discard(id(node))
        return self._done[id(node)]

    def _collection(self, node: Node) -> Value:
        if isinstance(node, SequenceNode):
            return tuple(self.value(item) for item in node.value)
        assert isinstance(node, MappingNode)
        found: dict[str, Value] = {}
        merged: dict[str, Value] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                raise self._fault(key_node, "PB301", "a key that is a list or a mapping cannot be named in prose")
            if key_node.tag == f"{_TAG}merge":
                merged = {**self._merged(value_node), **merged}
            elif key_node.value in found:
                raise self._fault(key_node, "PB303", f"the key {key_node.value!r} stands here twice")
            else:
                found[key_node.value] = self.value(value_node)
        return MappingProxyType({**merged, **found})

    def _merged(self, node: Node) -> dict[str, Value]:
        merged: dict[str, Value] = {}
        for part in reversed(node.value) if isinstance(node, SequenceNode) else (node,):
            value = self.value(part)
            if not isinstance(value, Mapping):
                raise self._fault(part, "PB301", "only a mapping can be merged with <<")
            merged.update(value)
        return merged

    def _scalar(self, node: ScalarNode) -> Value:
        text = str(node.value)
        match str(node.tag).removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return text.lower() in _TRUE
            case "str":
                return text
            case "int":
                return self._integer(node, text)
            case "float":
                return self._real(node, text)
            case "timestamp":
                return self._time(node, text)
            case tag:
                raise self._fault(node, "PB301", f"the tag {tag} is not read", "write plain numbers, texts, lists and mappings")

    def _integer(self, node: ScalarNode, text: str) -> Number:
        bare = text.replace("_", "")
        if _DECIMAL_INTEGER.fullmatch(bare):
            return Number(integer(bare).value, text)
        try:
            return Number(int(bare, 0), text)
        except ValueError:
            raise self._fault(node, "PB301", f"{text} is not read as a number") from None

    def _real(self, node: ScalarNode, text: str) -> Number:
        try:
            return Number(float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan")), text)
        except ValueError:
            raise self._fault(node, "PB301", f"{text} is not read as a number") from None

    def _time(self, node: ScalarNode, text: str) -> Value:
        try:
            return dt.date.fromisoformat(text) if len(text) <= 10 else dt.datetime.fromisoformat(text)
        except ValueError:
            raise self._fault(node, "PB301", f"{text} is no date", "write it as 2026-05-01, or between quotes") from None

    def _fault(self, node: Node, code: str, message: str, *help_lines: str) -> BuildError:
        return malformed(code, self._path, self._text, node.start_mark.index, f"{self._path}: {message}", *help_lines)
