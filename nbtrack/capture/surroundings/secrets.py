"""Credentials in text: left out of what is stored, warned of in what is typed.

Patterns know only what people write down; a password that looks like any other word, under a name
like any other name, is not found.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_GONE = "***"

# ---- names --------------------------------------------------------------------------------------

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_PASSWORDS = {"password", "passwd", "passphrase", "passcode"}
_SECRETS = {
    "pwd",
    "secret",
    "secrets",
    "credential",
    "credentials",
    "apikey",
    "accesskey",
    "bearer",
}
_KEYS = {"api", "access", "secret", "private", "auth", "account", "signing", "encryption", "master"}
# `token` is a word of language models first: the last word of a name, and after none of these.
# fmt: off
_TEXT_TOKENS = {
    "pad", "eos", "bos", "unk", "cls", "sep", "mask", "special", "start", "end", "stop",
    "next", "prev", "previous", "first", "last", "new", "sos", "oov", "separator", "current",
    "sub", "num", "max", "min", "this", "per", "image", "word", "padding", "other", "text",
    "input", "output", "target", "any", "each", "every", "tok", "begin", "initial", "final",
    "random", "control", "prompt",
}
# fmt: on
# password_file, token_type, secret_name: they say where a secret is, or of what kind.
# fmt: off
_ABOUT = {
    "path", "file", "dir", "folder", "name", "env", "var", "variable", "url", "uri", "id",
    "ids", "len", "length", "size", "count", "num", "type", "field", "prompt", "message",
    "hint", "label", "column", "header", "regex", "pattern", "format", "policy", "required",
    "enabled",
}
# fmt: on


def is_secret_name(name: str) -> bool:
    """Whether a variable of that name is likely to hold a credential.

    ``API_KEY``, ``hf_token``, ``dbPassword`` are; ``tokenizer``, ``max_tokens``, ``pad_token``,
    ``sort_key``, ``password_file`` are not.
    """
    return _kind_of_name(name) is not None


def _kind_of_name(name: str) -> str | None:
    """``password``, ``key`` or ``token``: how a value must look to count; None for other names."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _ABOUT or name in ("PWD", "OLDPWD"):
        return None
    if _PASSWORDS & set(words) or (name.isupper() and words[-1] == "pass"):
        return "password"
    if _SECRETS & set(words):
        return "key"
    if len(words) > 1 and words[-1] == "key" and words[-2] in _KEYS:
        return "key"
    if words[-1] == "key" and name.isupper():
        return "token"  # or the key of a dictionary: STATUS_KEY = "status"
    if words[-1] == "token" and not _TEXT_TOKENS & set(words):
        return "token"
    return None


_PLACEHOLDER = re.compile(
    r"<.*>|\[.*\]|\{.*\}|\$.*|%\(?\w+\)?s?|[.x*•_-]+|(?:your|my|the|insert|enter|replace|change)\W?.*"
    r"|none|null|true|false|todo|dummy|example|test|fake|changeme|redacted|placeholder"
    r"|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+",  # the name of an environment variable
    re.IGNORECASE | re.DOTALL,
)
_UPPER_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")


def _is_credential(kind: str, value: str) -> bool:
    """Whether a literal under such a name is a real one, not a placeholder, path or word."""
    if len(value) < 4 or _is_placeholder(value) or value.startswith(("/", "~", "./", "../")):
        return False
    if kind == "password":
        return True
    if any(letter.isspace() for letter in value):
        return False
    if kind == "key":
        return len(value) >= 6
    return len(value) >= 8 and any(letter.isdigit() for letter in value)


def _is_placeholder(value: str) -> bool:
    if _UPPER_NAME.fullmatch(value):
        return True
    found = _PLACEHOLDER.fullmatch(value)
    # The last branch of the pattern ignores case only by the flag: `my_pass_1` is no such name.
    return found is not None and not re.fullmatch(r"[a-z0-9]+(?:_[a-z0-9]+)+", value)


# ---- well-known forms ---------------------------------------------------------------------------

_HEAD = r"(?<![A-Za-z0-9_-])"
_MIXED = r"(?=[\w-]*\d)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])"  # sk-learn-model-2 is no key
_FORMS: list[tuple[str, str, re.Pattern[str]]] = [
    (kind, clue, re.compile(pattern))
    for kind, clue, pattern in [
        (
            "a private key",
            "PRIVATE KEY",
            r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----"
            r"(?:(?s:.*?)-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|(?s:.*))",
        ),
        ("an AWS key", "A", _HEAD + r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}(?![0-9A-Za-z])"),
        ("a GitHub token", "gh", _HEAD + r"gh[pousr]_[A-Za-z0-9]{20,}"),
        ("a GitHub token", "github_pat_", _HEAD + r"github_pat_[A-Za-z0-9_]{20,}"),
        ("a GitLab token", "glpat-", _HEAD + r"glpat-[A-Za-z0-9_-]{20,}"),
        ("a Hugging Face token", "hf_", _HEAD + r"(?:api_org|hf)_[A-Za-z0-9]{20,}"),
        ("an API key", "sk-", _HEAD + r"sk-" + _MIXED + r"[A-Za-z0-9_-]{20,}"),
        ("a Stripe key", "k_", _HEAD + r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
        ("a Slack token", "xox", _HEAD + r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
        ("a Slack token", "xapp-", _HEAD + r"xapp-[A-Za-z0-9-]{10,}"),
        ("a Google key", "AIza", _HEAD + r"AIza[0-9A-Za-z_-]{35}"),
        ("a Google token", "ya29.", _HEAD + r"ya29\.[0-9A-Za-z_-]{20,}"),
        ("a package index token", "pypi-", _HEAD + r"pypi-[A-Za-z0-9_-]{40,}"),
        ("an npm token", "npm_", _HEAD + r"npm_[A-Za-z0-9]{36}"),
        ("a SendGrid key", "SG.", _HEAD + r"SG\.[\w-]{16,}\.[\w-]{16,}"),
        (
            "a JSON web token",
            "eyJ",
            _HEAD + r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
        ),
    ]
]
# What stands before is kept: group 1, then the secret.
_AFTER = [
    ("a bearer token", re.compile(r"(?i)(\bbearer\s+)(?=[^\s\"']*\d)[A-Za-z0-9._~+/=-]{16,}")),
    (
        "a password in a header",
        re.compile(r"(?i)(authorization\W{1,6}basic\s+)[A-Za-z0-9+/=]{8,}"),
    ),
    ("an API key", re.compile(r"(?i)(api[_-]?key\W{1,6})[0-9a-f]{32,64}\b")),
    (
        "an API key",
        re.compile(r"([\"']?\bkey[\"']?\s{0,2}[:=]\s{0,2}[\"'])[0-9a-f]{32,64}(?=[\"'])"),
    ),
    ("an account key", re.compile(r"(?i)(\b(?:account|shared\w*)key=)[A-Za-z0-9+/=]{16,}")),
]
# postgres://me:pw@host, https://token@host; not ssh://git@host, which names a person only.
_URL_LOGIN = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]{0,30}://)(?P<login>[^\s/?#\"'<>]+)@")
_URL_QUERY = re.compile(
    r"(?i)([?&](?:[\w.-]*(?:token|secret|password|passwd|signature|credential)|sig|pwd|pass|auth"
    r"|api[_-]?key|access[_-]?key|key|jwt|code)=)[^&\s\"'<>#)]+"
)


def redact(text: str) -> str:
    """The text with each credential in it replaced by ``***``.

    Found are logins and tokens in URLs, tokens of well-known forms (AWS, GitHub, Hugging Face,
    OpenAI, Slack, Google and others), private keys, bearer tokens, and what is written after a name
    such as ``api_key``. To redact twice changes nothing more.
    """
    for _, clue, pattern in _FORMS:
        if clue in text:  # finding a plain word is 20 times as fast as the pattern
            text = pattern.sub(_GONE, text)
    if "://" in text:
        text = _URL_LOGIN.sub(_without_login, text)
    if "=" in text:
        text = _URL_QUERY.sub(r"\1" + _GONE, text)
    if _CLUE.search(text) is None:
        return text
    lines = text.split("\n")
    return "\n".join(_redact_line(line) if _CLUE.search(line) else line for line in lines)


_CLUE = re.compile(r"(?i)pass|secret|token|key|pwd|credential|bearer|authorization")


def _redact_line(line: str) -> str:
    for _, pattern in _AFTER:
        line = pattern.sub(r"\1" + _GONE, line)
    for pattern in (_QUOTED, _SET, _UNQUOTED):
        line = pattern.sub(_without_value, line)
    return line


def _without_login(found: re.Match[str]) -> str:
    scheme, login = found["scheme"], found["login"]
    person, colon, password = login.partition(":")
    if not colon and not scheme.lower().startswith("http"):
        return found[0]
    if _is_template(password if colon else person):
        return found[0]
    return f"{scheme}{_GONE}@"


def _is_template(text: str) -> bool:
    """``{password}`` in an f-string or ``$PASSWORD`` in a shell is not written down here."""
    return text == _GONE or text.startswith(("{", "$", "<", "%s"))


_NAME = r"(?P<name>[A-Za-z_][\w.-]{0,80})"
_QUOTED = re.compile(
    _NAME + r"(?P<between>[\"']?\]?\s{0,8}(?::\s{0,4}str\s{0,4})?[:=]\s{0,8}[rbuRBU]?)"
    r"(?P<quote>[\"'])(?P<value>[^\"'\n]{4,400})(?P=quote)"
)
_SET = re.compile(  # os.environ.setdefault("API_KEY", "abc")
    r"(?P<lead>(?:setdefault|putenv|setenv)\(\s{0,8}[\"'])"
    + _NAME
    + r"(?P<between>[\"']\s{0,8},\s{0,8})(?P<quote>[\"'])(?P<value>[^\"'\n]{4,400})(?P=quote)"
)
# API_KEY=abc in a shell or a .env file, password: abc in YAML
_UNQUOTED = re.compile(
    r"(?P<lead>^[+ -]{0,8}(?:export\s+|set\s+)?|\s(?=[A-Z_]+=))"
    + _NAME
    + r"(?P<between>=|:[ \t]+)(?P<quote>)(?P<value>[^\s\"'()\[\]{}<>,;|&`]{4,400})(?=[\s;|&]|$)"
)
_TYPE_NAME = re.compile(r"str|bytes|int|float|bool|None|[A-Z][a-z]+\w*|[a-z_]\w*(?:\.\w+)+")


def _without_value(found: re.Match[str]) -> str:
    if not _is_written(found):
        return found[0]
    parts = found.groupdict()
    quote = parts["quote"]
    return f"{parts.get('lead') or ''}{parts['name']}{parts['between']}{quote}{_GONE}{quote}"


def _is_written(found: re.Match[str]) -> bool:
    kind = _kind_of_name(found["name"].rpartition(".")[2])
    if kind is None or not _is_credential(kind, found["value"]):
        return False
    # An annotation or an attribute: `password: SecretStr`, `PASSWORD=settings.password`.
    return bool(found["quote"]) or _TYPE_NAME.fullmatch(found["value"]) is None


# ---- warnings for a cell ------------------------------------------------------------------------


def find_secrets(code: str) -> list[str]:
    """Warnings for credentials that are written in a cell, without repeating any of them.

    Parameters
    ----------
    code : str
        The cell as typed, or as IPython transformed it. It need not parse.

    Returns
    -------
    list of str
        In the order of the lines, one for each kind on a line, such as
        ``"line 3: a value called api_key is written in the cell"``.
    """
    named = dict.fromkeys(_named_literals(code))
    lines_with_name = {line for line, _ in named}
    found = [(line, f"a value called {name}") for line, name in named]
    for line, kind in dict.fromkeys(_known_forms(code)):
        if line not in lines_with_name:
            found.append((line, kind))
    return [f"line {line}: {what} is written in the cell" for line, what in sorted(found)]


def _known_forms(code: str) -> Iterator[tuple[int, str]]:
    forms = [(kind, pattern) for kind, clue, pattern in _FORMS if clue in code]
    for kind, pattern in [*forms, *_AFTER]:
        for found in pattern.finditer(code):
            yield code.count("\n", 0, found.start()) + 1, f"what looks like {kind}"
    for found in _URL_LOGIN.finditer(code):
        if _without_login(found) != found[0]:
            yield code.count("\n", 0, found.start()) + 1, "a URL with a password or token"
    for found in _URL_QUERY.finditer(code):
        if "://" in code and not _is_template(found[0].partition("=")[2]):
            yield code.count("\n", 0, found.start()) + 1, "a URL with a password or token"


def _named_literals(code: str) -> Iterator[tuple[int, str]]:
    """Line and name of each string literal that is bound or passed under a secret's name."""
    for number, line in enumerate(code.splitlines(), start=1):
        if line.lstrip().startswith(("%", "!")):
            yield from ((number, name) for name in _in_command(line))
    for node in ast.walk(_parsed(code)):
        for name, value in _pairs(node):
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                kind = _kind_of_name(name)
                if kind and _is_credential(kind, value.value):
                    yield value.lineno, name
        if isinstance(node, ast.Call) and _called(node) in _RUNS_COMMANDS:
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield from ((argument.lineno, name) for name in _in_command(argument.value))


_RUNS_COMMANDS = {"run_line_magic", "run_cell_magic", "system", "getoutput", "getoutputs", "run"}
_COMMAND_VALUE = re.compile(
    r"(?:(?<![\w-])--(?P<option>[A-Za-z][\w-]*)(?:=|\s+)"
    r"|(?:^|(?<=[\s;]))(?P<name>[A-Za-z_]\w*)\s?=\s?"
    r"|^(?:set_)?env\s+(?P<env>[A-Za-z_]\w*)\s+)[\"']?(?P<value>[^\s\"';|&=]+)"
)


def _in_command(line: str) -> Iterator[str]:
    """Names with a value in ``%env HF_TOKEN=...``, ``!export X_KEY=...``, ``--password ...``."""
    for found in _COMMAND_VALUE.finditer(line.lstrip("%! ")):
        name = found["option"] or found["name"] or found["env"]
        kind = _kind_of_name(name)
        if kind and _is_credential(kind, found["value"]):
            yield name


def _parsed(code: str) -> ast.AST:
    """The syntax tree, with magics and shell lines blanked; an empty one where there is none."""
    for text in (code, re.sub(r"(?m)^[ \t]*[%!].*$", "pass", code)):
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return ast.Module(body=[], type_ignores=[])


def _pairs(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Each name that the node gives a value to, with the value's expression."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _bound(target, value)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from _bound(target, value)
        case ast.NamedExpr(target=target, value=value):
            yield from _bound(target, value)
        case ast.keyword(arg=str(name), value=value):
            yield name, value
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                match key:
                    case ast.Constant(value=str(name)) if re.fullmatch(r"[\w.-]+", name):
                        yield name, value
        case ast.Call(args=[ast.Constant(value=str(name)), value, *_]):
            if _called(node) in ("setdefault", "putenv", "setenv", "set_key"):
                yield name, value  # os.environ.setdefault("API_KEY", "...")
        case ast.arguments():
            positional = [*node.posonlyargs, *node.args]
            for argument, value in zip(reversed(positional), reversed(node.defaults), strict=False):
                yield argument.arg, value
            for argument, default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
                if default is not None:
                    yield argument.arg, default


def _bound(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            yield name, value
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            yield name, value
        case ast.Tuple(elts=targets) | ast.List(elts=targets):
            if isinstance(value, ast.Tuple | ast.List):
                for one, its_value in zip(targets, value.elts, strict=False):
                    yield from _bound(one, its_value)


def _called(node: ast.Call) -> str | None:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None
