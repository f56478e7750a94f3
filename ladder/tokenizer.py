"""Character tokenizers in Hugging Face format. Knows the alphabets of the ladders, nothing of models."""

from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.decoders import Fuse
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import PreTrainedTokenizerFast

THINK, END_THINK, END_OF_TEXT = "<think>", "</think>", "<|endoftext|>"
ALPHABET = " 0123456789+-*/()=;"
# Letters, digits, the brackets of calls and results, and what else a search tool may write.
SEARCH_ALPHABET = " abcdefghijklmnopqrstuvwxyz0123456789{}[]+=;?.,:'-()/_!<>\""
# What stands for a character that is not in the search ladder's alphabet: a result is any text.
UNKNOWN = "?"
# Vocabularies are rounded up to a multiple of this, which matrix kernels like.
VOCAB_MULTIPLE = 32


def number_tokens(alphabet: str) -> dict[str, int]:
    """The id of every token: the three markers, then the characters."""
    return {token: i for i, token in enumerate([END_OF_TEXT, THINK, END_THINK, *alphabet])}


def vocab_size(alphabet: str) -> int:
    return -(-len(number_tokens(alphabet)) // VOCAB_MULTIPLE) * VOCAB_MULTIPLE


def build_tokenizer(alphabet: str = ALPHABET, *, unknown: str = END_OF_TEXT) -> PreTrainedTokenizerFast:
    """Tokenizer with one token a character and one for each of the three markers."""
    tokenizer = Tokenizer(WordLevel(number_tokens(alphabet), unk_token=unknown))
    tokenizer.pre_tokenizer = Split(Regex("."), behavior="isolated")
    tokenizer.decoder = Fuse()
    # The think markers stay visible when special tokens are skipped, as in Qwen3's tokenizer.
    markers = [AddedToken(token, special=False, normalized=False) for token in (THINK, END_THINK)]
    tokenizer.add_tokens(markers)
    tokenizer.add_special_tokens([AddedToken(END_OF_TEXT, special=True, normalized=False)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END_OF_TEXT,
        pad_token=END_OF_TEXT,
        clean_up_tokenization_spaces=False,
    )
