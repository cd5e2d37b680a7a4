"""Words of the field, where the flow of names alone leaves a doubt.

Whether a name counts as a hyper-parameter is decided by where its value goes. These words break
ties (a literal in a cell that prepares data), say which of two changes matters more, and keep
secrets and the looks of a plot out.
"""

from __future__ import annotations

import re
from typing import Any


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


_SYNONYMS = {
    "lr": {"base_lr", "initial_lr", "learning_rate", "learningrate", "lr", "lr_init", "max_lr"},
    "epochs": {"epoch", "epochs", "max_epochs", "n_epoch", "n_epochs", "num_epoch", "num_epochs"},
    "steps": {
        *("iterations", "iters", "max_iters", "max_steps", "n_iter", "n_iters", "n_steps"),
        *("num_iterations", "num_iters", "num_steps", "steps"),
    },
    "batch_size": {"batch", "batch_size", "batchsize", "bs", "minibatch", "minibatch_size"},
    "weight_decay": {"l2", "wd", "weight_decay"},
    "dropout": {"drop", "drop_prob", "drop_rate", "dropout", "dropout_p", "p_drop", "p_dropout"},
    "momentum": {"momentum"},
    "seed": {"random_seed", "random_state", "rng_seed", "seed"},
}
_PLAIN = {word: plain for plain, words in _SYNONYMS.items() for word in words}
_TERMS = words(
    "betas block_size clip context_length d_model embed_dim embedding_dim emb_dim eps gamma "
    "grad_clip hidden hidden_dim hidden_size label_smoothing max_norm n_embd n_head n_heads "
    "n_hidden n_layer n_layers num_heads num_hidden num_layers num_workers seq_len "
    "sequence_length temperature warmup warmup_steps window_size"
)
_ORDER = (
    *("lr", "optimizer", "batch_size", "epochs", "steps", "momentum", "weight_decay", "dropout"),
    *("model", "hidden"),
)
# What one layer's neighbours fix, or what only its own place gives a meaning, is left to the code.
_LAYER_TERMS = words(
    "batch_first beta bidirectional delta dim_feedforward dropout embedding_dim hidden_size "
    "label_smoothing margin negative_slope nhead norm_first num_groups num_heads num_layers "
    "d_model"
)
_LOOKS = re.compile(
    r"(?:^|_)(?:ax|axes|cmap|color|colour|desc|dpi|figsize|fmt|font|label|labels|legend|linestyle"
    r"|linewidth|marker|plot|print|progress|title|ticks|verbose|xlabel|ylabel|xlim|ylim)(?:_|$)"
    r"|^(?:alpha|log_every|log_interval|lw|ncols|nrows)$",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"(?:^|_)(?:api_?keys?|access_?keys?|auth|credentials?|passphrase|passwd|password|private_?key"
    r"|pwd|secret|secrets|secret_?key)(?:_|$)|(?:^|_)token$|^(?:hf|api|auth|access)_?token",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"^(?:sk-|hf_|gh[pousr]_|github_pat_|xox[abp]-|AKIA|AIza|eyJ)\S{8,}|://[^/\s:@]+:[^/\s@]+@"
)
# Calls whose result is a size or a reading of data, never a setting.
_MEASURES = words(
    "argmax argmin count dim item len max_memory_allocated mean nelement numel nunique "
    "perf_counter shape size std sum time unique"
)


def plain_name(name: str) -> str:
    """The common name of a parameter: ``lr`` for ``LEARNING_RATE``, its own for most."""
    lowered = name.rpartition(".")[2].lower()
    return _PLAIN.get(lowered, lowered)


def is_field_term(name: str) -> bool:
    """Whether a name says by itself that it holds a hyper-parameter."""
    lowered = name.lower()
    if lowered in _PLAIN or lowered in _TERMS:
        return True
    return lowered.endswith(("_lr", "_seed", "_batch_size", "_dropout", "_epochs"))


def is_layer_term(name: str) -> bool:
    """Whether an argument of a layer means the same in every layer of a model."""
    return name in _LAYER_TERMS


def is_about_looks(name: str) -> bool:
    """Whether a name is about a plot, a print or a progress bar."""
    return _LOOKS.search(name) is not None


def is_secret(name: str, value: Any = None) -> bool:
    """Whether a name, or a text, looks like a password or a key."""
    if _SECRET.search(name.replace(".", "_")):
        return True
    return isinstance(value, str) and _SECRET_VALUE.search(value) is not None


def is_measure(name: str) -> bool:
    """Whether a call or an attribute of this name reads something off the data."""
    return name in _MEASURES


def importance(name: str) -> int:
    """Where a parameter stands among others: the smaller, the sooner it is told."""
    plain = plain_name(name)
    return _ORDER.index(plain) if plain in _ORDER else len(_ORDER)
