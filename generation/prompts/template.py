"""One prompt's file: Jinja blocks named by the roles of the turns that they become."""

from __future__ import annotations

import hashlib
import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import SandboxedEnvironment

from ...errors import SettingsError
from ..sampling import Message
from ._identity import PromptIdentity

ROLES: Final[tuple[Literal["system"], Literal["user"]]] = ("system", "user")

_HEADER_LINE = re.compile(r"\{#-?\s*(\w+):\s*(.*?)\s*-?#\}[ \t]*\r?\n?")
_TEMPLATE_ERRORS = (TemplateError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What the expressions of a template can raise."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A template that becomes the turns of a chat."""

    identity: PromptIdentity
    source: str
    path: str
    """The file that it was read from."""
    answer_after: str
    """What the model writes up to this is its reasoning, and no part of the answer; empty for none."""
    _template: Template

    def render(self, values: Mapping[str, Any]) -> list[Message]:
        """The turns: what the system says, if anything, and what the user says.

        Raises:
            SettingsError: The template uses a name that it is not given, or an expression in it fails.
        """
        try:
            blocks = {role: self._block(role, values) for role in ROLES if role in self._template.blocks}
        except _TEMPLATE_ERRORS as error:
            raise _broken(self.path, self.identity.name, error, self._line(error)) from error
        return [{"role": role, "content": text} for role, text in blocks.items()]

    def _block(self, role: str, values: Mapping[str, Any]) -> str:
        return "".join(self._template.blocks[role](self._template.new_context(dict(values)))).strip()

    def _line(self, error: BaseException) -> int | None:
        """The template's line that an error comes from."""
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == self.path]
        line = frames[-1].lineno if frames else None
        return None if line is None else self._template.get_corresponding_lineno(line)


def parse(name: str, content: bytes, path: str) -> Prompt:
    """Read a prompt's file.

    It begins with `{# version: ... #}`, and holds the blocks `user` and, if wanted, `system`; nothing else.

    Raises:
        SettingsError: The file is not so, or no Jinja template.
    """
    source = _decoded(content, path)
    header = _header(source)
    if not header.get("version"):
        raise SettingsError(
            "the prompt tells no version", path=path, remedy="Begin the file with the line {# version: 1 #}"
        )
    environment = _environment()
    try:
        tree = environment.parse(source, name, path)
        _check_blocks(tree, path)
        code = environment.compile(tree, name, path)
    except TemplateSyntaxError as error:
        raise _broken(path, name, error, error.lineno) from error
    identity = PromptIdentity(name, header["version"], hashlib.sha256(content).hexdigest())
    template = Template.from_code(environment, code, environment.make_globals(None))
    return Prompt(identity, source, path, header.get("answer_after", ""), template)


def _environment() -> SandboxedEnvironment:
    # Prompts are no HTML: to escape `<` would change the words of the documents.
    return SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)


def _decoded(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"the prompt is not UTF-8 ({error})", path=path, remedy="Store it as UTF-8") from error


def _header(source: str) -> dict[str, str]:
    """The `{# key: value #}` that the file begins with, one a line."""
    header: dict[str, str] = {}
    at = 0
    while line := _HEADER_LINE.match(source, at):
        header.setdefault(line[1], line[2])
        at = line.end()
    return header


def _check_blocks(tree: nodes.Template, path: str) -> None:
    for node in tree.body:
        if isinstance(node, nodes.Output) and all(
            isinstance(part, nodes.TemplateData) and not part.data.strip() for part in node.nodes
        ):
            continue
        if not isinstance(node, nodes.Block):
            raise SettingsError(
                f"line {node.lineno}: something stands outside the blocks, where it would never be rendered",
                path=path,
                remedy="Put it into {% block system %} or {% block user %}",
            )
        if node.name not in ROLES:
            raise SettingsError(
                f"line {node.lineno}: there is no role {node.name!r}",
                path=path,
                remedy=f"Name the block {' or '.join(ROLES)}",
            )
    if "user" not in {node.name for node in tree.find_all(nodes.Block)}:
        raise SettingsError(
            "the prompt has no block `user`", path=path, remedy="Put what the model is asked into {% block user %}"
        )


def _broken(path: str, name: str, error: BaseException, line: int | None) -> SettingsError:
    where = f"line {line}: " if line else ""
    return SettingsError(
        f"{where}the template cannot be used ({error})",
        path=path,
        remedy=f"Correct it; `ragstone prompts show {name} --builtin` shows ours",
    )
