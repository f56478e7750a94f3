"""A tokenizer of bytes that can write any prompt,
with a chat template and the markers of thinking as single tokens.
"""

from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

EOS, BOS, CLOSE = "<|im_end|>", "<bos>", "</think>"
TEMPLATE = (
    "{% for turn in messages %}<|im_start|>{{ turn.role }}\n{{ turn.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)


def build_byte_tokenizer(*, chat: bool = True) -> Any:
    """A byte a token. Without chat it has no template."""
    bytes_as_text = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(bytes_as_text)}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens([EOS, BOS, "<|im_start|>"])
    inner.add_tokens(["<think>", CLOSE])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token=EOS, bos_token=BOS)
    tokenizer.chat_template = TEMPLATE if chat else None
    return tokenizer
