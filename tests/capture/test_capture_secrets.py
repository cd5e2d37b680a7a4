"""Credentials in text are taken out, and warned of; what only looks like one is left alone.

The tokens are made up here, by their forms, and put together so that no scanner takes this file
for a leak.
"""

from __future__ import annotations

import pytest

from nbtrack.capture.surroundings.secrets import find_secrets, is_secret_name, redact

LETTERS = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3hJ6"
TOKENS = {
    "AWS": "AK" + "IA" + "ABCDEFGH12345678",
    "GitHub": "gh" + "p_" + LETTERS,
    "GitHub fine": "github" + "_pat_" + LETTERS,
    "GitLab": "gl" + "pat-" + LETTERS[:20],
    "Hugging Face": "h" + "f_" + LETTERS[:34],
    "OpenAI": "s" + "k-proj-" + LETTERS,
    "Slack": "xo" + "xb-123456789012-" + LETTERS[:12],
    "Google": "AI" + "za" + LETTERS[:35],
    "JWT": "ey" + "JhbGciOiJIUzI1" + ".ey" + "JzdWIiOiIxMjM0" + ".abc-DEF_123",
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----",
}


@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_of_a_known_form_is_taken_out_of_text_and_warned_of(kind):
    secret = TOKENS[kind]
    text = f"before {secret} after"
    assert redact(text) == "before *** after"
    [warning] = find_secrets(f"x = 1\nlogin('''{secret}''')\n")
    assert warning.startswith("line 2: what looks like a")
    assert secret not in warning


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("https://me:pw@host/a.git", "https://***@host/a.git"),
        ("https://sometoken@host/a.git", "https://***@host/a.git"),
        ("postgresql://me:p@ss@db:5432/x", "postgresql://***@db:5432/x"),
        ("ssh://git@host/a.git", "ssh://git@host/a.git"),
        ("git@host:a.git", "git@host:a.git"),
        ("https://host/a?x=1&token=abc&y=2", "https://host/a?x=1&token=***&y=2"),
        ("https://host/a?X-Amz-Signature=abc", "https://host/a?X-Amz-Signature=***"),
        ("https://host/a?page=2#top", "https://host/a?page=2#top"),
        ("mail me@host.org, see https://host", "mail me@host.org, see https://host"),
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer ***"),
        ("the bearer of this letter is welcome", "the bearer of this letter is welcome"),
        ("api_key=" + "0123456789" * 4, "api_key=***"),
        ("commit " + "0123456789" * 4, "commit " + "0123456789" * 4),
        ('+password = "hunter2"', '+password = "***"'),
        ('+{"password": "hunter2", "n": "b"}', '+{"password": "***", "n": "b"}'),
        ("+DB_PASSWORD=hunter2\n+N=3", "+DB_PASSWORD=***\n+N=3"),
        (" password: hunter2", " password: ***"),
        (" password: str", " password: str"),
        (" password: SecretStr", " password: SecretStr"),
        ('os.environ.setdefault("A_KEY", "a1b2c3d4")', 'os.environ.setdefault("A_KEY", "***")'),
        ('names = {"password", "passphrase"}', 'names = {"password", "passphrase"}'),
        ('pad_token = "<pad>"', 'pad_token = "<pad>"'),
        ("token = vocab['hello1234']", "token = vocab['hello1234']"),
        ("password = getpass()", "password = getpass()"),
        ("class='sk-estimator-doc-link-0-long'", "class='sk-estimator-doc-link-0-long'"),
        ('f"postgres://{user}:{password}@{host}"', 'f"postgres://{user}:{password}@{host}"'),
    ],
)
def test_a_credential_is_replaced_and_the_rest_is_kept(text, left):
    assert redact(text) == left
    assert redact(left) == left


def test_a_private_key_that_is_cut_off_is_taken_out_to_the_end():
    assert redact("a -----BEGIN " + "PRIVATE KEY-----\n+MIIabc\n+MII") == "a ***"


@pytest.mark.parametrize(
    ("code", "name", "line"),
    [
        ('api_key = "a1b2c3d4"', "api_key", 1),
        ('x = 1\n\nconnect(user="me", password="hunter2")', "password", 3),
        ('config = {"lr": 0.1,\n "secret_key": "abcdef"}', "secret_key", 2),
        ('os.environ["HF_TOKEN"] = "a1b2c3d4"', "HF_TOKEN", 1),
        ('os.environ.setdefault("MY_API_KEY", "a1b2c3")', "MY_API_KEY", 1),
        ('client.accessKey = "a1b2c3d4"', "accessKey", 1),
        ('user, pwd = "me", "hunter2"', "pwd", 1),
        ('def f(a, *, password="hunter2"): pass', "password", 1),
        ('def f(a, password="hunter2"): pass', "password", 1),
        ('token: str = "0a1b2c3d4e"', "token", 1),
        ("n = 1\n%env HF_TOKEN=a1b2c3d4\nn", "HF_TOKEN", 2),
        ("!tool --password hunter2", "password", 1),
        ("get_ipython().run_line_magic('env', 'MY_TOKEN=a1b2c3d4')", "MY_TOKEN", 1),
        ('%%time\nsecret = "abcdef"', "secret", 2),
    ],
)
def test_a_literal_under_a_secret_name_is_warned_of(code, name, line):
    assert find_secrets(code) == [f"line {line}: a value called {name} is written in the cell"]


@pytest.mark.parametrize(
    "code",
    [
        "tokenizer = Tokenizer('bert-base-uncased-2024')",
        "num_tokens = 10; max_tokens = '1024x1024'",
        "token = vocab['sentence1']",
        "token = 'sentence'",
        "token = tokens[3]",
        "pad_token = '<pad>'; eos_token = '<|endoftext|>'",
        "special_token = 'endoftext2024'",
        "token_type = 'wordpiece2016'",
        "password = ''",
        "password = '<your password>'; api_key = 'YOUR_API_KEY'",
        "api_key = '...'; secret = 'xxxxxxxx'",
        "api_key = os.environ['OPENAI_API_KEY']",
        "api_key_env = 'OPENAI_API_KEY_2'",
        "token = getpass('HF token: ')",
        "password_file = '/run/secrets/db1'",
        "pwd = '/home/me/data'",
        "df.sort_values(key='column_12345678')",
        "url = f'https://{user}:{password}@host/x'",
        "for token in 'a b c1234567'.split(): print(token)",
        "STATUS_KEY = 'kernel_status'",
        "{'password': None, 'key': 'name'}",
        "monkey = 'capuchin1'; keyboard = 'qwerty12'",
        "x = 'https://host/path?id=3'",
        "def broken(:\n  no",
        "%matplotlib inline\n!pip install torch",
    ],
)
def test_what_only_sounds_like_a_secret_is_left_alone(code):
    assert find_secrets(code) == []


def test_the_secret_is_never_in_the_warning():
    code = 'password = "hunter2"\nurl = "https://me:hunter2@host"\n'
    warnings = find_secrets(code)
    assert len(warnings) == 2
    assert not any("hunter2" in warning for warning in warnings)


@pytest.mark.parametrize(
    "name",
    ["API_KEY", "hf_token", "dbPassword", "AWS_SECRET_ACCESS_KEY", "WANDB_API_KEY", "MY_KEY"],
)
def test_a_secret_name_is_known(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["TOKENIZERS_PARALLELISM", "max_tokens", "OMP_NUM_THREADS", "PATH", "sort_key", "pad_token"],
)
def test_another_name_is_no_secret(name):
    assert not is_secret_name(name)
